"""The first text of the screens, in a real terminal: it is there before Textual is, and whatever comes leaves no trace."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from gauntlets.terminal import Terminal
from runforge import workspace as workspaces
from runforge.store.opening import open_journal
from tests.hostile import CORPUS, harm_in

pytestmark = pytest.mark.slow

_HEAVY = {
    "textual",
    "rich",
    "asyncio",
    "typing",
    "pathlib",
    "re",
    "json",
    "enum",
    "datetime",
    "threading",
    "signal",
}
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"
#: A module of the program, found first on the path: Textual is imported when a file is gone, or it fails.
_HELD = """
import os, sys, time
class Find:
    def find_spec(self, name, path=None, target=None):
        if name == "textual":
            while os.path.exists({held!r}):
                time.sleep(0.01)
            {then}
sys.meta_path.insert(0, Find())
"""


@pytest.fixture
def opened(here: Arena, tmp_path: Path) -> Iterator[Callable[..., Terminal]]:
    """Opens the screens, which do not come up while `held` exists."""
    made: list[Terminal] = []
    (tmp_path / "held").touch()

    def start(*options: str, then: str = "pass", columns: int = 80, lines: int = 24, **env: str) -> Terminal:
        code = _HELD.format(held=str(tmp_path / "held"), then=then)
        (tmp_path / "sitecustomize.py").write_text(code)
        words = ["tui", "--workspace", here.root, *options]
        made.append(Terminal(words, columns=columns, lines=lines, PYTHONPATH=str(tmp_path), **env))
        return made[-1]

    yield start
    for screen in made:
        screen.close()


@pytest.fixture
def release(tmp_path: Path) -> Callable[[], None]:
    """Lets Textual be imported."""
    return (tmp_path / "held").unlink


def is_as_before(screen: Terminal, modes: list[Any]) -> bool:
    """Whether the program left the terminal as it found it, however far it came."""
    left = screen.raw.rpartition(LEAVE)
    if ENTER not in screen.raw:
        return b"\x1b" not in screen.raw
    return ENTER not in left[2] and b"\x1b[?25h" in left[2] and termios.tcgetattr(screen._master) == modes


def runs_on(screen: Terminal) -> list[str]:
    return re.findall(r"sweep-\d+", screen.text)


def test_it_shows_the_rows_of_the_screen_before_textual_is_there(
    here: Arena, opened: Callable[..., Terminal], release: Callable[[], None]
) -> None:
    here.sweep(60, name="f")
    with open_journal(workspaces.at(here.root)) as journal, journal.write():
        for place, (seq, state) in enumerate(((7, "running"), (3, "running"), (9, "failed"), (4, "failed"))):
            journal.connection.execute(
                "UPDATE jobs SET state = 'running', started_at = '2026-01-01T00:00:00.000Z' WHERE seq = ?",
                (seq,),
            )
            if state == "running":
                journal.connection.execute("UPDATE jobs SET slot = ? WHERE seq = ?", (place, seq))
            else:
                journal.connection.execute(
                    "UPDATE jobs SET state = 'failed', finished_at = ?, cause = 'failed' WHERE seq = ?",
                    (f"2026-01-01T00:00:0{place}.000Z", seq),
                )
    screen = opened()
    screen.sees("RunForge", "sweep-0003", "running", "sweep-0001", "sweep-0014")  # the twelfth
    assert " open " not in screen.text
    first = runs_on(screen)
    assert first[:3] == ["sweep-0003", "sweep-0007", "sweep-0001"]
    release()
    screen.comes_up("PROGRESS", "sweep-0014")
    live = runs_on(screen)
    assert live[:12] == first[:12]
    screen.press("q")
    assert screen.end() == 0
    assert (screen.raw.count(ENTER), screen.raw.count(LEAVE)) == (1, 1)


def test_the_ended_ones_come_newest_first(here: Arena, opened: Callable[..., Terminal]) -> None:
    here.sweep(3, name="e")
    with open_journal(workspaces.at(here.root)) as journal, journal.write():
        for seq, second in ((1, 2), (2, 1), (3, 3)):
            for change in (
                "state = 'running', started_at = :at",
                "state = 'failed', cause = 'failed', finished_at = :at",
            ):
                journal.connection.execute(
                    f"UPDATE jobs SET {change} WHERE seq = :seq",
                    {"seq": seq, "at": f"2026-01-01T00:00:0{second}.000Z"},
                )
    screen = opened()
    screen.sees("sweep-0002")
    assert runs_on(screen) == ["sweep-0003", "sweep-0001", "sweep-0002"]


def test_what_it_needs_is_light(here: Arena) -> None:
    here.sweep(2, name="l")
    code = (
        "import sys; old = {*sys.modules}; import runforge.cli.main; from runforge.cli import first_text, quick_lists\n"
        f"assert quick_lists.first_jobs(first_text.Place({str(here.root)!r}), 20)\n"
        "print(*sorted({*sys.modules} - old))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", code], capture_output=True, text=True, check=True)
    assert not _HEAVY & {*done.stdout.split()}


def test_a_lost_line_before_the_screens_ends_it(here: Arena, opened: Callable[..., Terminal]) -> None:
    here.sweep(2, name="l")
    screen = opened()
    screen.sees("sweep-0002")
    screen.hang_up()
    assert screen.process.wait(60) in {-signal.SIGHUP, 129}


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, -15), (signal.SIGHUP, -1), (signal.SIGQUIT, -3), (signal.SIGINT, 5)],
)
def test_a_signal_gives_the_terminal_back(
    here: Arena, opened: Callable[..., Terminal], number: signal.Signals, code: int
) -> None:
    here.sweep(2, name="s")
    screen = opened()
    modes = termios.tcgetattr(screen._master)
    screen.sees("sweep-0002")
    screen.process.send_signal(number)
    assert screen.end() == code
    assert is_as_before(screen, modes)


def test_a_key_that_stops_the_program_is_not_heard_yet(
    here: Arena, opened: Callable[..., Terminal], release: Callable[[], None]
) -> None:
    here.sweep(2, name="z")
    screen = opened()
    screen.sees("sweep-0002")
    screen.process.send_signal(signal.SIGTSTP)
    release()
    screen.comes_up("sweep-0002")


def test_an_error_gives_the_terminal_back_and_is_one_line(
    here: Arena, opened: Callable[..., Terminal], release: Callable[[], None]
) -> None:
    here.sweep(2, name="c")
    screen = opened(then="raise KeyError('planted')")
    modes = termios.tcgetattr(screen._master)
    screen.sees("sweep-0002")
    release()
    assert screen.end() == 4
    assert is_as_before(screen, modes)
    assert b"ERROR: internal error: KeyError: 'planted'" in screen.raw.rpartition(LEAVE)[2]


@pytest.mark.parametrize("milliseconds", range(10, 410, 50))
def test_ended_at_any_moment_of_the_start_it_leaves_the_terminal_as_it_was(
    here: Arena, opened: Callable[..., Terminal], release: Callable[[], None], milliseconds: int
) -> None:
    here.sweep(2, name="k")
    release()
    screen = opened()
    modes = termios.tcgetattr(screen._master)
    time.sleep(milliseconds / 1000)  # whatever it does by then
    screen.process.send_signal(signal.SIGTERM)
    assert screen.end(60) in {-15, 143}
    assert is_as_before(screen, modes)


@pytest.mark.parametrize(("columns", "lines"), [(20, 6), (9, 4), (10, 3), (1, 1), (200, 50)])
def test_it_fits_the_terminal(
    here: Arena,
    opened: Callable[..., Terminal],
    release: Callable[[], None],
    columns: int,
    lines: int,
) -> None:
    here.sweep(60, name="n")
    screen = opened(columns=columns, lines=lines)
    if lines > 3:
        screen.until(lambda: all(screen.lines[2:]), "rows down to the last line")
        assert screen.lines[0].startswith(" RunFo")
        assert screen.lines[2].startswith("#")
    release()
    screen.until(lambda: b"\x1b[?1004h" in screen.raw, "the screens")
    screen.press("q")
    assert screen.end() == 0


def test_without_colours_it_has_none(here: Arena, opened: Callable[..., Terminal]) -> None:
    here.sweep(2, name="n")
    screen = opened(NO_COLOR="1")
    screen.sees("sweep-0002")
    assert re.search(rb"\x1b\[[0-9;]*m", screen.raw) is None


def test_hostile_names_are_harmless(here: Arena, opened: Callable[..., Terminal]) -> None:
    here.sweep(2, name="h")
    with open_journal(workspaces.at(here.root)) as journal, journal.write():
        journal.connection.execute("UPDATE jobs SET name = ?", ("".join(CORPUS)[:4000],))
    screen = opened()
    screen.sees("RunForge", "queued")
    assert harm_in(screen.raw.partition(b"\x1b[?25l")[2]) == []


def test_where_there_is_nothing_to_show_nothing_is(
    here: Arena, opened: Callable[..., Terminal], release: Callable[[], None], tmp_path: Path
) -> None:
    release()
    chosen = tmp_path / "runforge" / "tui.json"
    chosen.parent.mkdir()
    empty = opened()
    empty.comes_up("The queue is empty")
    here.sweep(2, name="a")
    chosen.write_text('{"sort": "run"}')
    for screen in (opened(XDG_CONFIG_HOME=str(tmp_path)), opened(TERM="linux"), opened("--ascii"), empty):
        screen.comes_up("sweep-0001")
        assert b"RunForge  " not in screen.raw


def test_a_newer_journal_is_refused_without_it(
    here: Arena, opened: Callable[..., Terminal], release: Callable[[], None]
) -> None:
    here.sweep(1, name="v")
    release()
    with open_journal(workspaces.at(here.root)) as journal:
        journal.connection.execute("PRAGMA user_version = 9999")
    screen = opened()
    modes = termios.tcgetattr(screen._master)
    screen.until(lambda: b"9999" in screen.raw or screen.process.poll() is not None, "a word about it")
    screen.press("q")
    screen.end()
    assert is_as_before(screen, modes)
    assert b"RunForge  " not in screen.raw


def test_outside_a_workspace_it_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RUNFORGE_WORKSPACE", raising=False)
    screen = Terminal(["tui"])
    assert screen.end(60) == 3
    assert b"\x1b" not in screen.raw
    screen.close()
