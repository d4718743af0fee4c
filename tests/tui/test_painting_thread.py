"""The thread that paints reads nothing of the workspace: no journal, no log, no metrics, no folder."""

from __future__ import annotations

import os
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from runforge.store import sqlite
from runforge.tui.group_screen import GroupScreen
from runforge.tui.machine_screen import MachineScreen
from runforge.tui.queue_screen import QueueScreen
from runforge.tui.run_screen import RunScreen
from runforge.workspace import Workspace

from .kit import NARROW, WIDE, Looker, enqueue, lived, look

pytestmark = pytest.mark.slow

#: The audit events of Python for opening a file or folder.
_EVENTS = {"open", "os.listdir", "os.scandir", "sqlite3.connect", "os.remove", "os.rename", "os.mkdir"}
#: What no audit hook hears of.
_CALLS = ("stat", "lstat", "pread", "statvfs", "access")
_FORBIDDEN = ("/proc/", "/dev/nvidia")


class Spy:
    """Which thread touched what, while it looks."""

    def __init__(self) -> None:
        self.thread: int | None = None
        self.root = ""
        self.touched: list[str] = []
        self.elsewhere = 0

    def heard(self, what: str, path: object) -> None:
        """Take note if the path is one of the workspace or of the machine."""
        if self.thread is None or not isinstance(path, (str, bytes, os.PathLike)):
            return
        name = os.fsdecode(path)
        if not name.startswith((self.root, *_FORBIDDEN)):
            return
        self.counted(f"{what} {name}")

    def counted(self, what: str) -> None:
        """Take note of what a thread did."""
        if threading.get_ident() == self.thread:
            self.touched.append(f"{what}\n" + "".join(traceback.format_stack(limit=8)[:-2]))
        else:
            self.elsewhere += 1


SPY = Spy()


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if SPY.thread is not None and event in _EVENTS and arguments:
        SPY.heard(event, arguments[0])


sys.addaudithook(_hook)


@contextmanager
def watched(ws: Workspace) -> Iterator[Spy]:
    """Watch this thread for as long as it lasts."""
    SPY.root, SPY.touched, SPY.elsewhere, SPY.thread = str(ws.root), [], 0, threading.get_ident()
    try:
        yield SPY
    finally:
        SPY.thread = None


@pytest.fixture(autouse=True)
def calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Record calls without an audit event, such as those of SQLite's connections."""

    def spied(name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(path: Any, *more: Any, **named: Any) -> Any:
            if name == "pread" and SPY.thread is not None:
                SPY.counted("pread")
            SPY.heard(name, path)
            return real(path, *more, **named)

        return call

    for name in _CALLS:
        monkeypatch.setattr(os, name, spied(name, getattr(os, name)))
    monkeypatch.setattr(sqlite.sqlite, "connect", spied("connect", sqlite.sqlite.connect))


def test_the_spy_hears_what_this_thread_reads(ws: Workspace) -> None:
    with watched(ws) as spy:
        (ws.root / "runforge.toml").exists()
        os.listdir(ws.root)
        sqlite.connect(ws.root / "x.db").close()
    assert {entry.split(maxsplit=1)[0] for entry in spy.touched} >= {"stat", "os.listdir", "connect"}


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "200x50"])
def test_no_screen_reads_while_it_paints(ws: Workspace, size: tuple[int, int]) -> None:
    lived(ws)
    enqueue(ws, name="many", runs=300)

    async def use(at: Looker, *keys: str) -> None:
        await at.press(*keys)
        for _ in range(3):
            await at.pilot.pause(0.03)

    async def journey(at: Looker) -> None:
        with watched(ws) as spy:
            await _through_the_queue(at, use)
            await _through_a_run(at, use)
            await _through_a_group(at, use)
            await use(at, "m")
            assert isinstance(at.app.screen, MachineScreen)
            await use(at, "escape", "y", "Y")
            await use(at, "x", "n")
        assert spy.elsewhere > 20
        assert not spy.touched, "\n".join(spy.touched)

    look(ws, journey, size=size)


async def _through_the_queue(at: Looker, use: Callable[..., Any]) -> None:
    await at.sees("0001")
    await use(at, "j", "k", "pagedown", "pagedown", "G", "g", "ctrl+d")
    at.app.screen.query_one("#jobs").scroll_to(y=150, animate=False)
    await use(at, "space", "G", "v", "escape")
    for _ in range(8):
        await use(at, "s")
    await use(at, "S", "slash", *"state:failed", "enter")
    await at.sees("1 of 308")
    await use(at, "escape", "a", "a", "f", "f", "tab", "j", "k", "tab", "question_mark", "escape", "g")
    assert isinstance(at.app.screen, QueueScreen)


async def _through_a_run(at: Looker, use: Callable[..., Any]) -> None:
    await use(at, "slash", *"state:failed", "enter")
    await at.sees("1 of 308")
    await use(at, "enter")
    assert isinstance(at.app.screen, RunScreen)
    await at.sees("epoch 7 loss")
    await use(at, "g", "j", "G", "slash", *"epoch 3", "enter", "n", "N", "f")
    await at.sees("'epoch 3' in line")
    await use(at, "2", "full_stop", "L", "tilde", "left", "plus", "enter", "3")
    await at.sees("Overrides")
    await use(at, "4")
    await at.sees("logs.txt")
    await use(at, "t", "y", "Y", "escape", "escape")
    assert isinstance(at.app.screen, QueueScreen)


async def _through_a_group(at: Looker, use: Callable[..., Any]) -> None:
    await use(at, "tab", "j", "k", "enter")
    assert isinstance(at.app.screen, GroupScreen)
    await use(
        at,
        "b",
        "space",
        "equals_sign",
        "space",
        "full_stop",
        "escape",
        "b",
        "right_square_bracket",
        "j",
        "tab",
        "tab",
        "escape",
        "tab",
    )
