"""The terminal UI as a person has it: a real terminal, a real daemon, things killed beneath it."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from gauntlets.terminal import Terminal, open_screens
from runforge import workspace as workspaces
from runforge.views import daemon_status
from tests.hostile import harm_in

pytestmark = pytest.mark.slow


@pytest.fixture
def screens() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for screen in opened:
        screen.close()


def is_raw_mode_left(screen: Terminal) -> bool:
    """Whether the program left the alternate screen, the mouse and the cursor as they were."""
    return all(code in screen.raw for code in (b"\x1b[?1049l", b"\x1b[?1003l", b"\x1b[?25h"))


def test_a_day_at_the_queue(here: Arena, screens: list[Terminal]) -> None:
    group = here.sweep(6, name="day", seconds=30)
    screen = open_screens(here.root)
    screens.append(screen)
    screen.comes_up("No daemon is running: 6 queued runs wait. D starts one.")
    screen.press("D")
    screen.sees("daemon is up, pid", "slots 2/2")
    screen.misses("No daemon is running")
    screen.press("p")
    screen.sees("paused day")
    screen.press("jj")  # from the two running ones to the first queued one
    screen.press("x")
    screen.sees("canceled 1 run")
    screen.press("gx")
    screen.sees("Stop 1 running run? (TERM, 10 s, KILL)")
    screen.press("y")
    screen.sees("stopping 1 run")
    here.until(lambda: here.in_state("canceled", group) == 2, "two runs are canceled")
    pid = daemon_status.daemon_status(workspaces.at(here.root)).pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    screen.sees("died. Runs continue without it; D starts a new one", seconds=5)
    screen.press("D")
    screen.sees("daemon is up, pid")
    screen.misses("died")
    assert here.in_state("running", group) == 1
    screen.press("p")
    screen.sees("resumed day")
    here.until(lambda: here.in_state("running", group) == 2, "another run starts")
    screen.press("q")
    assert screen.end() == 0
    assert is_raw_mode_left(screen)
    here.run("stop-daemon", "--workspace", str(here.root), "--cancel-running")


def test_keys_that_come_all_at_once_are_done_in_order(here: Arena, screens: list[Terminal]) -> None:
    here.sweep(3, name="one")
    two = here.sweep(3, name="two")
    screen = open_screens(here.root)
    screens.append(screen)
    screen.comes_up("sweep-0006")
    screen.press("/group:two\rxojx/p")  # in the group nothing is filtered: its `/` is no key
    screen.sees("‖ paused")
    here.until(lambda: here.in_state("canceled", two) == 2, "two runs of the second group are canceled")
    assert here.in_state("canceled") == 2
    screen.press("q/one\rqq")  # the first q leaves the group; the words are typed into the line
    assert screen.end() == 0


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_signals_restore_the_terminal(
    here: Arena, screens: list[Terminal], number: signal.Signals, code: int
) -> None:
    here.sweep(2, name="s")
    screen = open_screens(here.root)
    screens.append(screen)
    screen.comes_up("sweep-0001")
    screen.process.send_signal(number)
    assert screen.end() == code
    assert is_raw_mode_left(screen)
    assert here.in_state("queued") == 2


def test_a_crash_restores_the_terminal_and_is_one_line(
    here: Arena, screens: list[Terminal], tmp_path: Path
) -> None:
    # A module of the program that fails: found first on the path.
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\n"
        "class Find:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name == 'runforge.tui.machine_screen': raise KeyError('planted')\n"
        "sys.meta_path.insert(0, Find())\n"
    )
    here.sweep(2, name="c")
    screen = Terminal(["tui", "--workspace", here.root], PYTHONPATH=str(tmp_path))
    screens.append(screen)
    screen.comes_up("sweep-0001")
    screen.press("m")
    assert screen.end() == 4
    assert is_raw_mode_left(screen)
    said = screen.raw.rpartition(b"\x1b[?1049l")[2]
    assert b"ERROR: internal error: KeyError: 'planted'" in said
    assert b"Traceback" not in said


def test_a_lost_line_ends_it_even_where_hangups_are_ignored(here: Arena) -> None:
    here.sweep(2, name="l")
    screen = open_screens(here.root)
    screen.comes_up("sweep-0001")
    ignoring = Terminal(["tui", "-w", here.root], RUNFORGE_TEST="1")
    ignoring.comes_up("sweep-0001")
    for lost in (screen, ignoring):
        lost.hang_up()
        assert lost.process.wait(timeout=60) == 129


def test_detached_and_attached_and_resized_it_shows_the_queue(here: Arena, screens: list[Terminal]) -> None:
    here.sweep(3, name="r")
    screen = open_screens(here.root)
    screens.append(screen)
    screen.comes_up("sweep-0001", "GROUP")
    for columns, lines in ((200, 50), (40, 10), (10, 3), (1, 1), (300, 80), (80, 24)):
        screen.resize(columns, lines)
        screen.read()
    screen.sees("sweep-0001", "sweep-0003", "? help")
    screen.press("q")
    assert screen.end() == 0


@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1"}, {"TERM": "linux"}, {"TERM": "xterm"}, {"LANG": "C"}]
)
def test_is_at_home_in_other_terminals(
    here: Arena, screens: list[Terminal], environment: dict[str, str]
) -> None:
    here.sweep(2, name="t")
    screen = Terminal(["tui", "--workspace", here.root], **environment)
    screens.append(screen)
    screen.comes_up("sweep-0001", "queued")
    if environment.get("TERM") == "linux":
        assert screen.text.isascii()
    if "TERM" in environment:
        assert b"[38;5;" not in screen.raw
        assert b"[38;2;" not in screen.raw
    screen.press("q")
    assert screen.end() == 0


def test_without_a_terminal_it_names_the_way_out(here: Arena, screens: list[Terminal]) -> None:
    command = [sys.executable, "-m", "runforge", "tui", "-w", str(here.root)]
    piped = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
    assert piped.returncode == 2
    assert piped.stdout == ""
    assert "is not a terminal" in piped.stderr
    assert "runforge queue-status --watch" in piped.stderr
    dumb = Terminal(["tui", "-w", here.root], TERM="dumb")
    screens.append(dumb)
    assert dumb.end() == 2
    assert b"TERM=dumb" in dumb.raw
    assert b"\x1b" not in dumb.raw


def test_alone_on_a_terminal_inside_a_workspace_the_program_opens_it(
    here: Arena, screens: list[Terminal], monkeypatch: pytest.MonkeyPatch
) -> None:
    here.sweep(2, name="a")
    monkeypatch.chdir(here.root)
    screen = Terminal([])
    screens.append(screen)
    screen.comes_up("sweep-0001")
    screen.press("q")
    assert screen.end() == 0


def test_looking_alone_changes_nothing(here: Arena, screens: list[Terminal]) -> None:
    here.sweep(2, name="o")
    screen = open_screens(here.root, "--read-only", "--no-mouse")
    screens.append(screen)
    screen.comes_up("sweep-0001")
    screen.press("x")
    screen.sees("this session is read-only")
    assert b"\x1b[?1003h" not in screen.raw
    screen.press("q")
    assert screen.end() == 0
    assert here.in_state("queued") == 2


def test_a_hostile_log_is_harmless_on_a_real_terminal(here: Arena, screens: list[Terminal]) -> None:
    here.sweep(1, name="h")
    folder = next((here.root / ".runforge/runs").iterdir())
    (folder / "logs.txt").write_bytes(b"\x1b]52;c;UFdORUQ=\x07\x1b]2;PWNED\x07\x9b2J\x00 the end\n")
    screen = open_screens(here.root)
    screens.append(screen)
    screen.comes_up("sweep-0001")
    own = len(screen.raw)
    screen.press("\r")
    screen.sees("\\x1b]52;c;UFdORUQ=\\x07", "the end")
    assert harm_in(screen.raw[own:]) == []
    screen.press("Q")
    assert screen.end() == 0


def test_idle_it_writes_nothing(here: Arena, screens: list[Terminal]) -> None:
    here.sweep(2, name="i")
    screen = open_screens(here.root)
    screens.append(screen)
    screen.comes_up("sweep-0001", "? help")
    while select.select([screen._master], [], [], 1.5)[0]:  # until it has settled
        screen.read()
    before = len(screen.raw)
    end = time.monotonic() + 3
    while time.monotonic() < end:
        screen.read()
    assert len(screen.raw) == before


@pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")
def test_in_tmux_it_survives_detaching(here: Arena) -> None:
    here.sweep(3, name="x")
    tmux = ["tmux", "-L", f"runforge-test-{os.getpid()}"]

    def say(*words: str) -> str:
        done = subprocess.run([*tmux, *words], capture_output=True, text=True, check=True, timeout=20)
        return done.stdout

    def shown() -> str:
        return say("capture-pane", "-p", "-t", "q")

    command = f"exec {sys.executable} -m runforge tui --workspace {here.root}"
    say("-f", "/dev/null", "new-session", "-d", "-s", "q", "-x", "80", "-y", "24", command)
    try:
        here.until(lambda: re.search("sweep-0003.*[?] help", shown(), re.DOTALL), "the queue in tmux")
        say("resize-window", "-t", "q", "-x", "120", "-y", "40")
        here.until(lambda: "D daemon" in say("capture-pane", "-p", "-t", "q"), "the wider screen")
        say("send-keys", "-t", "q", "?")
        here.until(lambda: "type to search" in say("capture-pane", "-p", "-t", "q"), "help")
        say("send-keys", "-t", "q", "Escape")
        here.until(lambda: "type to search" not in say("capture-pane", "-p", "-t", "q"), "no help")
    finally:
        subprocess.run([*tmux, "kill-server"], check=False, capture_output=True)
    assert here.in_state("queued") == 3
