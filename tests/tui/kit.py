"""A queue to look at and a pilot to look with: real journal, real screens, no terminal."""

from __future__ import annotations

import asyncio
import atexit
import json
import shutil
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from textual import events
from textual._context import visible_screen_stack
from textual.keys import _character_to_key, key_to_character
from textual.pilot import Pilot

from runforge import clock
from runforge.cli import samples
from runforge.cli.setup import make_workspace
from runforge.queue import submit
from runforge.store.opening import open_journal
from runforge.tui.app import RunForgeApp
from runforge.tui.bars import KeyBar
from runforge.tui.steering import DaemonKeys
from runforge.views.queue_snapshot import JobQuery, QueueReader
from runforge.views.shown import JobView
from runforge.workspace import Workspace

NARROW, WIDE = (80, 24), (200, 50)
#: The true clock: a test may have stopped it.
_NOW = clock.now
#: States of the first runs of a sweep of eight; the rest stay queued.
STATES = ("running", "running", "succeeded", "succeeded", "failed", "canceled")


def enqueue(ws: Workspace, *, name: str = "lr search", runs: int = 8, **model: Any) -> str:
    """Enqueue a sweep over C; return the group's id."""
    plan = samples.plan(str(ws.root))
    axis = {"path": "model.hyperparameters.C", "values": [round(0.1 * (i + 1), 1) for i in range(runs)]}
    plan = {
        **plan,
        "group": {"name": name},
        "base_request": {**samples.request(), **model},
        "strategy": {"type": "grid", "parameters": [axis]},
    }
    return submit.enqueue_sweep(ws, samples.encode(plan), where="plan.json").group_id


def lived(ws: Workspace, *, name: str = "lr search", error: str = "exit code 3") -> str:
    """Enqueue a sweep and let its first runs have been through something, with logs and metrics."""
    if ws.journal.exists():
        return _live(ws, name, error)
    moment = clock.now() if clock.now is not _NOW else ""
    made, group_id = _lived_once(name, error, moment)
    shutil.copytree(made.root, ws.root, dirs_exist_ok=True)
    return group_id


@cache
def _lived_once(name: str, error: str, _moment: str) -> tuple[Workspace, str]:
    """Make a workspace to copy: a new enqueue for every test would take longer than many tests."""
    folder = tempfile.TemporaryDirectory(prefix="lived-")
    atexit.register(folder.cleanup)
    ws = make_workspace(Path(folder.name) / "ws")
    return ws, _live(ws, name, error)


def _live(ws: Workspace, name: str, error: str) -> str:
    group_id = enqueue(ws, name=name)
    now = clock.now()
    with open_journal(ws) as journal, journal.write() as tx:
        rows = tx.rows("jobs.of_group", group_id=group_id)
        for number, (row, state) in enumerate(zip(rows, STATES, strict=False)):
            run = journal.connection.execute
            if state != "canceled":
                run(
                    "UPDATE jobs SET state='running', started_at=?, updated_at=? WHERE seq=?",
                    (now, now, row["seq"]),
                )
            if state == "running":
                run("UPDATE jobs SET slot=? WHERE seq=?", (number, row["seq"]))
                continue
            run(
                "UPDATE jobs SET state=?, finished_at=?, updated_at=?, error=?, cause=?, metric_name=?, metric_value=?"
                " WHERE seq=?",
                (
                    state,
                    now,
                    now,
                    error if state == "failed" else None,
                    state if state != "succeeded" else None,
                    "accuracy" if state == "succeeded" else None,
                    0.5 + number / 10 if state == "succeeded" else None,
                    row["seq"],
                ),
            )
    for row in rows[: len(STATES)]:
        folder = ws.root / row["run_dir"]
        lines = [f"[RF:EPOCH={i}/10]\nepoch {i} loss {1 / i:.3f}" for i in range(1, 8)]
        (folder / "logs.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
        points = [json.dumps({"name": "loss", "value": 1 / i, "step": i}) for i in range(1, 8)]
        (folder / "metrics.jsonl").write_text("\n".join(points) + "\n", encoding="utf-8")
    return group_id


@dataclass
class FakeDaemon:
    """Stands in for starting and stopping processes: it counts the calls."""

    started: int = 0
    taken_over: int = 0
    stopped: int = 0

    def keys(self) -> DaemonKeys:
        def start() -> int:
            self.started += 1
            return 4321

        def take_over() -> int:
            self.taken_over += 1
            return 4322

        def stop() -> bool:
            self.stopped += 1
            return True

        return DaemonKeys(start, take_over, stop)


class Looker:
    """The app under a pilot, and what is on its screen."""

    def __init__(self, app: RunForgeApp, pilot: Pilot[None]) -> None:
        self.app = app
        self.pilot = pilot

    @property
    def lines(self) -> list[str]:
        """The screen as text, with what a window over it leaves in sight."""
        visible_screen_stack.set(self.app._background_screens)
        return [strip.text for strip in self.app.screen._compositor.render_strips()]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    async def press(self, *keys: str) -> None:
        """Press them, and wait until the last is done: a key may have to wait for what is still being read."""
        await self.pilot.press(*keys)
        await self.until(
            lambda: not self.app._typed and not self.app._is_handing_out, f"the keys {keys} are done"
        )

    def type_ahead(self, *keys: str | events.Event) -> None:
        """Type all of them at once, as they come from a terminal while the screens are busy."""
        assert self.app._driver is not None
        for key in keys:
            self.app._driver.send_message(_event(key) if isinstance(key, str) else key)

    @property
    def said(self) -> str:
        """What the last line says of the last action."""
        return self.app.screen_stack[0].query_one(KeyBar)._said

    async def palette(self, words: str = "") -> None:
        """Open the command palette and type into it."""
        await self.press("colon", *words)

    async def until(self, condition: Callable[[], object], what: str, seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, f"not within {seconds} s: {what}\n{self.text}"
            await self.pilot.pause(0.02)

    async def sees(self, *texts: str) -> None:
        """Wait until all the texts are on the screen."""
        await self.until(lambda: all(text in self.text for text in texts), f"the screen shows {texts}")

    async def misses(self, text: str) -> None:
        """Wait until the text is not on the screen."""
        await self.until(lambda: text not in self.text, f"the screen does not show {text!r}")


def _event(key: str) -> events.Key:
    is_character = len(key) == 1
    return events.Key(
        _character_to_key(key) if is_character else key, key if is_character else key_to_character(key)
    )


def look(
    ws: Workspace,
    journey: Callable[[Looker], Awaitable[None]],
    *,
    size: tuple[int, int] = NARROW,
    daemon: FakeDaemon | None = None,
    **options: Any,
) -> None:
    """Open the screens on a workspace and walk through them."""

    async def run() -> None:
        app = RunForgeApp(ws, (daemon or FakeDaemon()).keys(), seconds=0.05, **options)
        async with app.run_test(size=size) as pilot:
            looker = Looker(app, pilot)
            await looker.until(lambda: app.snapshot is not None or app.warning, "the first snapshot")
            await pilot.pause()
            await journey(looker)

    asyncio.run(run())


def jobs_of(ws: Workspace) -> dict[str, JobView]:
    """Return the jobs of a workspace by the last digits of their run's id."""
    reader = QueueReader(ws)
    snapshot = reader.snapshot(JobQuery())
    rows = reader.rows(snapshot.order, snapshot)
    reader.close()
    return {job.run_id[-4:]: job for job in rows.values()}
