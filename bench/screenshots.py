"""`python -m bench.screenshots [FOLDER]`: makes the README's pictures, of a real sweep with a real daemon."""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from runforge.cli import samples
from runforge.cli.setup import make_workspace
from runforge.daemon import detach, stop
from runforge.queue import submit
from runforge.tui.app import RunForgeApp
from runforge.tui.steering import DaemonKeys
from runforge.workspace import Workspace

_SIZE = (126, 32)
_FOLDER = Path("docs/screenshots")
#: The fonts that the pictures would load from the web; any monospaced font is enough.
_FETCHED = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def _plan(ws: Workspace, name: str, family: str, **axes: list[Any]) -> bytes:
    parameters = [{"path": f"model.hyperparameters.{key}", "values": values} for key, values in axes.items()]
    request = {**samples.request(family), "preset": "thorough"}
    document = {**samples.plan(str(ws.root)), "group": {"name": name}, "base_request": request}
    return samples.encode({**document, "strategy": {"type": "grid", "parameters": parameters}})


async def _until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    while not condition():
        await pilot.pause(0.05)


async def _picture(app: RunForgeApp, pilot: Pilot[None], path: Path) -> None:
    for _ in range(4):
        await pilot.pause(0.3)
    path.write_text(_FETCHED.sub("", app.export_screenshot(title="runforge tui")), encoding="utf-8")
    print(path)


async def _take(ws: Workspace, folder: Path) -> None:
    app = RunForgeApp(ws, DaemonKeys(lambda: 0, lambda: 0, lambda: False))
    async with app.run_test(size=_SIZE) as pilot:
        await _until(pilot, lambda: app.snapshot and app.snapshot.counts["succeeded"] >= 9)
        await _picture(app, pilot, folder / "queue.svg")
        await _until(pilot, lambda: app.snapshot and app.snapshot.counts["succeeded"] >= 21)
        await pilot.press("slash", *"forest state:succeeded max_depth=12", "enter")
        await _until(pilot, lambda: app.snapshot and app.snapshot.order)
        await pilot.press("c", "d")
        await _picture(app, pilot, folder / "curves.svg")
        await pilot.press("escape", "o")
        await _picture(app, pilot, folder / "sweep.svg")


def main() -> int:
    """Run two sweeps in a temporary workspace and take the pictures meanwhile."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as parent:
        ws = make_workspace(Path(parent) / "churn")
        plans = [
            _plan(ws, "linear", "logistic_regression", C=[0.001, 0.01, 0.1, 1.0, 10.0], max_iter=[50, 200]),
            _plan(ws, "forest", "random_forest", max_depth=[2, 3, 4, 6, 8, 12], n_estimators=[150, 300]),
        ]
        for plan in plans:
            submit.enqueue_sweep(ws, plan, where="plan.json")
        detach.start(ws, max_parallel=2)
        try:
            asyncio.run(_take(ws, folder))
        finally:
            stop.stop(ws, cancel_running=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
