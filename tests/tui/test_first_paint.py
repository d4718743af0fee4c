"""The first paint: the queue is on it, and it is made once. A long queue is read to its end after it."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual._compositor import Compositor
from textual.css.stylesheet import Stylesheet

from runforge.tui import feed
from runforge.tui.app import RunForgeApp
from runforge.tui.beginning import Beginning, begin
from runforge.tui.choices import Choices
from runforge.tui.job_table import JobTable
from runforge.tui.seen import Ahead
from runforge.views import queue_snapshot
from runforge.views.queue_snapshot import QueueReader
from runforge.views.shown import JobView
from runforge.workspace import Workspace
from tests.conftest import wait_until

from .kit import NARROW, WIDE, FakeDaemon, Looker, enqueue, lived

pytestmark = pytest.mark.slow

#: Styles that are made before it rests: each widget once, its colours of rows and states, and what has the focus.
_STYLES = 52
_WITHOUT_TLS = """
import sys
from runforge.cli import screens
with screens._without_tls():
    from runforge.tui import app
print("ssl" in sys.modules)
import ssl
print(ssl.SSLContext is not None)
"""


@pytest.fixture
def begun(ws: Workspace) -> Iterator[Callable[[], Beginning]]:
    """Begins as the command does: the first look is on its way before there is an app."""
    made: list[Beginning] = []

    def start() -> Beginning:
        made.append(begin(ws, Choices(), seconds=0.05))
        made[-1].feed.start()
        return made[-1]

    yield start
    for each in made:
        each.feed.stop()


def opened(
    ws: Workspace, begun: Beginning, journey: Callable[[Looker], Any], size: tuple[int, int] = NARROW
) -> None:
    async def run() -> None:
        app = RunForgeApp(ws, FakeDaemon().keys(), begun=begun)
        async with app.run_test(size=size) as pilot:
            await journey(Looker(app, pilot))

    asyncio.run(run())


@pytest.mark.parametrize(("size", "layouts"), [(NARROW, 1), (WIDE, 3)], ids=["80x24", "200x50"])
@pytest.mark.parametrize("runs", [8, 300])
def test_it_is_laid_out_and_styled_once(
    ws: Workspace,
    begun: Callable[[], Beginning],
    monkeypatch: pytest.MonkeyPatch,
    size: tuple[int, int],
    layouts: int,
    runs: int,
) -> None:
    enqueue(ws, runs=runs)
    done: Counter[str] = Counter()

    def counted(cls: type, name: str) -> None:
        real = getattr(cls, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            done[name] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(cls, name, call)

    counted(Compositor, "reflow")
    counted(Stylesheet, "apply")

    async def journey(at: Looker) -> None:
        await at.sees("0001", "GROUP", "? help")
        for _ in range(20):
            await at.pilot.pause(0.02)
        assert done["reflow"] <= layouts
        assert size != NARROW or done["apply"] <= _STYLES

    opened(ws, begun(), journey, size)


def test_the_queue_is_on_the_first_paint(
    ws: Workspace, begun: Callable[[], Beginning], monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(ws)
    painted: list[str] = []
    real = RunForgeApp._display

    def display(app: RunForgeApp, screen: Any, renderable: Any) -> None:
        if renderable is not None:
            painted.append("\n".join(strip.text for strip in screen._compositor.render_strips()))
        real(app, screen, renderable)

    monkeypatch.setattr(RunForgeApp, "_display", display)

    async def journey(at: Looker) -> None:
        await at.until(lambda: painted, "a paint")
        for text in ("sweep-0001", "C=0.1", "4/8", "No daemon is running", "PROGRESS", "? help"):
            assert text in painted[0]

    opened(ws, begun(), journey)


def test_each_row_is_measured_once_for_it(
    ws: Workspace, begun: Callable[[], Beginning], monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(ws, runs=8)
    measured: list[int] = []
    at_first: list[list[int]] = []
    real, display = JobTable._measure_row, RunForgeApp._display

    def measure(table: JobTable, place: int, job: JobView) -> None:
        measured.append(place)
        real(table, place, job)

    def shown(app: RunForgeApp, screen: Any, renderable: Any) -> None:
        at_first.append([*measured])
        display(app, screen, renderable)

    monkeypatch.setattr(feed, "_ahead", lambda *_: Ahead())  # how long they take is news: measured again
    monkeypatch.setattr(JobTable, "_measure_row", measure)
    monkeypatch.setattr(RunForgeApp, "_display", shown)

    async def journey(at: Looker) -> None:
        await at.sees("0008")

    opened(ws, begun(), journey)
    assert sorted(at_first[0]) == list(range(1, 9))


def held_after_the_first(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Let every reading but the first wait for the event: the app may ask for one as soon as it is laid out."""
    real, calls, may_go_on = QueueReader.snapshot, itertools.count(), threading.Event()

    def snapshot(*arguments: Any, **more: Any) -> Any:
        assert next(calls) == 0 or may_go_on.wait(60)
        return real(*arguments, **more)

    monkeypatch.setattr(QueueReader, "snapshot", snapshot)
    return may_go_on


def test_a_long_queue_is_read_to_its_end_after_the_first_paint(
    ws: Workspace, begun: Callable[[], Beginning], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = held_after_the_first(monkeypatch)
    monkeypatch.setattr(queue_snapshot, "_SHORT", 200)
    monkeypatch.setattr(feed, "_LOOK_SECONDS", 600.0)
    enqueue(ws, runs=300)

    async def journey(at: Looker) -> None:
        assert at.app.snapshot is not None
        order = at.app.snapshot.order
        assert (len(order), order[0], order[299]) == (300, 1, 0)
        may_go_on.set()
        at.app.feed.hurry()
        await at.until(lambda: at.app.snapshot and at.app.snapshot.is_whole, "the whole order")
        await at.press("G")
        await at.sees("#300", "0300")

    opened(ws, begun(), journey)


def test_keys_that_come_before_that_wait_for_it(
    ws: Workspace, begun: Callable[[], Beginning], monkeypatch: pytest.MonkeyPatch
) -> None:
    may_go_on = held_after_the_first(monkeypatch)
    monkeypatch.setattr(queue_snapshot, "_SHORT", 200)
    monkeypatch.setattr(feed, "_LOOK_SECONDS", 600.0)  # without a key it is not read yet
    enqueue(ws, runs=300)

    async def journey(at: Looker) -> None:
        assert at.app.snapshot is not None
        assert not at.app.snapshot.is_whole
        may_go_on.set()
        await at.press("space", "G", "v", "x")
        await at.sees("Cancel 300 queued runs?")

    opened(ws, begun(), journey)


def test_keys_do_not_wait_for_a_queue_that_cannot_be_read(
    ws: Workspace, begun: Callable[[], Beginning], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue_snapshot, "_SHORT", 200)
    enqueue(ws, runs=300)

    def lost(*_: object, **__: object) -> None:
        raise OSError(5, "the disk is gone")

    start = begun()
    wait_until(start.feed._is_read.is_set, "the first look")
    monkeypatch.setattr(QueueReader, "snapshot", lost)

    async def journey(at: Looker) -> None:
        await at.press("question_mark")
        await at.sees("type to search")

    opened(ws, start, journey)


def test_what_nobody_takes_is_told(ws: Workspace, begun: Callable[[], Beginning]) -> None:
    enqueue(ws)
    watching = begun().feed
    wait_until(watching._is_read.is_set, "the first look")
    told: list[Any] = []
    watching.tell(told.append)
    wait_until(lambda: told, "what was read")
    assert type(told[0]).__name__ == "SnapshotRead"


def test_a_queue_that_cannot_be_read_holds_nothing_up(ws: Workspace, begun: Callable[[], Beginning]) -> None:
    enqueue(ws)
    ws.journal.write_bytes(b"no journal" * 1000)
    watching = begun().feed
    assert watching.first(600) is None  # at once, or the test would be stopped
    told: list[Any] = []
    watching.tell(told.append)
    wait_until(lambda: told, "what was read")
    assert type(told[0]).__name__ == "ReadFailed"


def test_ended_while_it_opens_it_ends_without_an_error(
    ws: Workspace, begun: Callable[[], Beginning], monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(ws)
    real = RunForgeApp.get_default_screen

    def ended(app: RunForgeApp) -> Any:
        app._leave_on_signal(143)
        return real(app)

    monkeypatch.setattr(RunForgeApp, "get_default_screen", ended)
    app = RunForgeApp(ws, FakeDaemon().keys(), begun=begun())
    app.run(headless=True, size=NARROW)
    assert (app.exit_code, app.failure) == (143, None)


def test_the_screens_come_up_without_tls() -> None:
    said = subprocess.run(
        [sys.executable, "-c", _WITHOUT_TLS], check=True, capture_output=True, text=True, timeout=600
    )
    assert said.stdout.split() == ["False", "True"]
