"""`python -m bench.screenshots [FOLDER] [120x40]`: makes the pictures, of a real sweep with a real daemon."""

from __future__ import annotations

import asyncio
import os
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

_FOLDER = Path("docs/screenshots")
#: The fonts that the pictures would load from the web; any monospaced font is enough.
_FETCHED = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
#: A network of one hidden layer that learns to read digits, as unchanged scripts print it.
_TRAIN = """
import argparse, time
import numpy as np
from sklearn.datasets import load_digits

options = argparse.ArgumentParser()
for name, kind in (("lr", float), ("width", int), ("seed", int), ("epochs", int)):
    options.add_argument(f"--{name}", type=kind)
given = options.parse_args()
rng = np.random.default_rng(given.seed)
digits = load_digits()
order = rng.permutation(len(digits.target))
x, y = digits.data[order] / 16, digits.target[order]
train, test = slice(0, 1400), slice(1400, None)
w1 = rng.normal(0, 0.2, (64, given.width))
w2 = rng.normal(0, 0.2, (given.width, 10))


def scores(part):
    hidden = np.maximum(0, x[part] @ w1)
    out = hidden @ w2
    odds = np.exp(out - out.max(1, keepdims=True))
    odds /= odds.sum(1, keepdims=True)
    loss = -np.log(odds[np.arange(len(odds)), y[part]] + 1e-9).mean()
    return hidden, odds, loss, (odds.argmax(1) == y[part]).mean()


for epoch in range(1, given.epochs + 1):
    for start in range(0, 1400, 50):
        part = slice(start, start + 50)
        hidden, odds, _, _ = scores(part)
        odds[np.arange(len(odds)), y[part]] -= 1
        back = (odds @ w2.T) * (hidden > 0)
        w2 -= given.lr * hidden.T @ odds / 50
        w1 -= given.lr * x[part].T @ back / 50
    _, _, train_loss, train_acc = scores(train)
    _, _, val_loss, val_acc = scores(test)
    values = {"train_loss": train_loss, "val_loss": val_loss, "train_acc": train_acc, "val_acc": val_acc}
    print(f"Epoch {epoch}/{given.epochs}")
    print({**{name: round(float(value), 4) for name, value in values.items()}, "epoch": epoch}, flush=True)
    time.sleep(0.2)
"""


def _plan(ws: Workspace, name: str, epochs: int, **axes: list[Any]) -> bytes:
    parameters = [{"path": f"model.hyperparameters.{key}", "values": values} for key, values in axes.items()]
    command = ["python", "train.py", "{args}"]
    first = {**{key: values[0] for key, values in axes.items()}, "epochs": epochs}
    model = {"family": "command", "command": command, "hyperparameters": first}
    document = {
        **samples.plan(str(ws.root)),
        "group": {"name": name},
        "base_request": {**_request(), "model": model},
        "strategy": {"type": "grid", "parameters": parameters},
        "objective": {"metric": "val_loss", "direction": "minimize"},
    }
    return samples.encode(document)


def _request() -> dict[str, Any]:
    return {key: value for key, value in samples.request("logistic_regression").items() if key != "dataset"}


async def _until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    while not condition():
        await pilot.pause(0.05)


class _Camera:
    """Takes pictures of the screens."""

    def __init__(self, app: RunForgeApp, pilot: Pilot[None], folder: Path) -> None:
        self.app, self.pilot, self.folder = app, pilot, folder

    async def take(self, name: str, *keys: str) -> None:
        """Press keys and take a picture of what is there then."""
        for key in keys:
            await self.pilot.press(key)
            await self.pilot.pause(0.2)
        for _ in range(5):
            await self.pilot.pause(0.3)
        path = self.folder / f"{name}.svg"
        picture = self.app.export_screenshot(title="runforge tui")
        path.write_text(_FETCHED.sub("", picture), encoding="utf-8")
        print(path)

    async def until(self, state: str, count: int) -> None:
        """Wait until so many runs are in a state."""
        await _until(self.pilot, lambda: self.app.snapshot and self.app.snapshot.counts[state] >= count)


async def _take(ws: Workspace, folder: Path, size: tuple[int, int]) -> None:
    app = RunForgeApp(ws, DaemonKeys(lambda: 0, lambda: 0, lambda: False))
    async with app.run_test(size=size) as pilot:
        camera = _Camera(app, pilot, folder)
        app.watch_machine()
        await camera.until("succeeded", 7)
        await _until(pilot, lambda: _is_on_its_way(app))
        await camera.take("queue")
        await camera.take("run", "c")
        await camera.take("log", "1")
        await camera.take("info", "3")
        await camera.take("machine", "escape", "m")
        await camera.take(
            "edit", "escape", "slash", *"state:queued", "enter", "g", "space", "space", "space", "e"
        )
        await pilot.press("escape", "escape", "escape")
        await camera.until("succeeded", 22)
        await camera.take("sweep", "slash", *"group:digits", "enter", "g", "o")
        await camera.take("curves", "b")
        await camera.take("pairs", "4")
        await camera.take("compare", *["space"] * 5, "equals_sign", "left", "left", "left")


def _is_on_its_way(app: RunForgeApp) -> bool:
    """Return whether the first running run has a curve, and will go on for some seconds."""
    first = app.snapshot.running[0].run_id if app.snapshot and app.snapshot.running else ""
    live = app.live.get(first)
    return live is not None and live.of is not None and 10 <= (live.done or 0) <= live.of // 2


def main() -> int:
    """Run two sweeps in a temporary workspace and take the pictures meanwhile."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER
    columns, lines = (sys.argv[2] if len(sys.argv) > 2 else "120x40").split("x")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as parent:
        ws = make_workspace(Path(parent) / "digits")
        (ws.root / "train.py").write_text(_TRAIN, encoding="utf-8")
        sweeps = [
            _plan(ws, "digits", 30, lr=[0.001, 0.01, 0.1, 1.0], width=[16, 64, 128, 256], seed=[1]),
            _plan(ws, "seeds", 60, lr=[0.1], width=[64], seed=[1, 2, 3, 4, 5, 6]),
        ]
        for plan in sweeps:
            submit.enqueue_sweep(ws, plan, where="plan.json")
        os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
        detach.start(ws, max_parallel=4)
        try:
            asyncio.run(_take(ws, folder, (int(columns), int(lines))))
        finally:
            stop.stop(ws, cancel_running=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
