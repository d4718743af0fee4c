"""What each screen looks like, as text. `SNAPSHOTS=update pytest tests/tui/test_snapshots.py` updates."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge import clock
from runforge.cli.setup import make_workspace
from runforge.machine import load
from runforge.tui import bars
from runforge.tui.machine_history import History
from runforge.workspace import Workspace

from .kit import NARROW, WIDE, Looker, lived, look

pytestmark = pytest.mark.slow

HERE = Path(__file__).parent / "snapshots"
NOW = "2026-01-02T03:04:05.000Z"
#: screen -> keys that lead there, and a text that it shows when it is there
SCREENS: dict[str, tuple[list[str], str]] = {
    "queue": ([], "░ 7/10"),
    "filtered": (["slash", *"state:failed"], "state:failed  1 of 8"),
    "marked": (["space", "space"], "2 marked"),
    "log": (["enter"], "epoch 7"),
    "curves": (["enter", "2"], "loss: 1 of 1"),
    "info": (["enter", "3"], "Overrides"),
    "files": (["enter", "4"], "metrics.jsonl"),
    "sweep": (["o"], "ACCURACY"),
    "sweep-curves": (["o", "b"], "Curves of the best runs"),
    "sweep-best": (["o", "3"], "better than all before"),
    "extend": (["E"], "esc close"),
    "machine": (["m"], "50 % of 8"),
    "confirm": (["x"], "Stop 1 running run?"),
    "help": (["question_mark"], "type to search"),
}


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    """A workspace where time does not move, on a fixed machine, with a path of fixed length."""
    monkeypatch.setattr(clock, "now", lambda: NOW)
    gib = 2**30
    gpu = load.GpuView(
        0, "NVIDIA H200", "GPU-1", 97, 71 * gib, 139 * gib, 61, 512.0,
        [load.GpuProcess(4321, "python", 70 * gib, "20260102-030405-sweep-0001", "ada")],
    )  # fmt: skip
    fixed = load.Machine(
        8, (1.0, 0.5, 0.25), 50.0, 12 * gib, 64 * gib, 0, 0, 800 * gib, 1000 * gib, [gpu], None
    )
    monkeypatch.setattr("runforge.machine.load.read_machine", lambda _workspace: fixed)
    record = History.record
    # However long the screen is there, its past is one moment.
    monkeypatch.setattr(History, "record", lambda self, seen, runs, _now: record(self, seen, runs, 1.0))
    drawn = bars.StatusBar._text

    def text(bar: bars.StatusBar, width: int) -> object:
        bar._folder = "/lab/cifar"
        return drawn(bar, width)

    monkeypatch.setattr(bars.StatusBar, "_text", text)
    with tempfile.TemporaryDirectory(prefix="rf-", dir="/tmp") as parent:
        ws = make_workspace(Path(parent) / "ws")
        lived(ws)
        yield ws


@pytest.mark.parametrize("size", [NARROW, WIDE], ids=["80x24", "200x50"])
@pytest.mark.parametrize("name", SCREENS)
def test_screen(still: Workspace, name: str, size: tuple[int, int]) -> None:
    keys, shown = SCREENS[name]
    path = HERE / f"{name}-{size[0]}x{size[1]}.txt"
    is_new = os.environ.get("SNAPSHOTS") == "update"
    wanted = "" if is_new else path.read_text(encoding="utf-8")
    drawn = ""

    def text_of(at: Looker) -> str:
        nonlocal drawn
        lines = (line.rstrip() for line in at.lines)
        drawn = "\n".join(lines).replace(str(still.root), "/lab/cifar") + "\n"
        return drawn

    async def journey(at: Looker) -> None:
        await at.sees("░ 7/10", "C=0.1")
        await at.press(*keys)
        await at.sees(shown)
        if is_new:
            await at.pilot.pause(2.0)  # what comes last, whatever it is
            await at.until(lambda: "│…  " not in at.text, "all lines are read")
            path.write_text(text_of(at), encoding="utf-8")
            return
        # A preview is read beside the screen: what comes last may come a moment later.
        with contextlib.suppress(AssertionError):
            await at.until(lambda: text_of(at) == wanted, "the screen is the one that is kept")

    look(still, journey, size=size)
    assert is_new or drawn == wanted
