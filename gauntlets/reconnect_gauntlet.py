"""G7: viewers of the queue may leave and come back. The queue does not notice; they see its real state."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

from gauntlets.arena import Arena, require
from gauntlets.terminal import Terminal, open_screens

#: A daemon that stopped, died or hangs is shown within this many seconds.
_NOTICED = 2.0
_SLACK = 1.0


def g7(arena: Arena) -> dict[str, Any]:
    """Closed, killed or disconnected screens change nothing; new ones show the queue and a dead daemon."""
    arena.daemon(2)
    group = arena.sweep(6, name="g7", seconds=4)
    arena.until(lambda: arena.in_state("running", group) == 2, "two runs are running")
    before = arena.started()
    left = {
        "closed": _leave(arena, lambda screen: screen.press("q")),
        "killed": _leave(arena, lambda screen: screen.process.kill()),
        "hung_up": _leave(arena, lambda screen: screen.hang_up()),
    }
    require(arena.daemons[-1].poll() is None, "the daemon did not live through it")
    require(arena.started()[: len(before)] == before, "a run started anew")
    noticed = _watch_the_daemon_go(arena)
    arena.until_ended(group, "completed")
    attempts = {job["run_id"]: job["attempt"] for job in arena.jobs(group)}
    # A daemon that dies between a claim and its launch leaves an attempt that never started, and has no log.
    runs = arena.root / ".runforge" / "runs"
    logs = {run_id: len(list((runs / run_id).rglob("logs.txt"))) for run_id in attempts}
    require(len(logs) == 6 and set(logs.values()) == {1}, f"starts: {logs}, attempts: {attempts}")
    arena.run("stop-daemon", "--workspace", str(arena.root))
    return {"left": left, "noticed_after_seconds": noticed, "attempts": attempts}


def _leave(arena: Arena, how: Any) -> dict[str, float | int]:
    """Open the screens, see the live queue, leave; return how long until they showed it."""
    screen = open_screens(arena.root)
    try:
        seconds = screen.comes_up("running", "g7", "sweep-0001")
        how(screen)
        code = screen.process.wait(timeout=5)
    finally:
        screen.close()
    return {"live_after_seconds": round(seconds, 3), "exit_code": code}


def _watch_the_daemon_go(arena: Arena) -> dict[str, float]:
    screen = open_screens(arena.root)
    try:
        screen.comes_up("running", "g7")
        noticed = {"hangs": _hang(arena, screen), "died": _die(arena, screen)}
        screen.press("D")
        noticed["started_again"] = _timed(screen, "daemon is up", 15.0)
        screen.misses("died")
        noticed["stopped"] = _stop(arena, screen)
        screen.press("Dq")  # the user's change is made, also if the user leaves at once
        require(screen.end() == 0, "the screens did not close")
    finally:
        screen.close()
    for what in ("hangs", "died", "stopped"):
        require(noticed[what] <= _NOTICED + _SLACK, f"{what}: shown after {noticed[what]} s")
    return noticed


def _timed(screen: Terminal, text: str, seconds: float = 10.0) -> float:
    start = time.monotonic()
    screen.sees(text, seconds=seconds)
    return round(time.monotonic() - start, 3)


def _hang(arena: Arena, screen: Terminal) -> float:
    pid = arena.daemons[-1].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        return _timed(screen, "does not respond")
    finally:
        os.kill(pid, signal.SIGCONT)
        screen.misses("does not respond")


def _die(arena: Arena, screen: Terminal) -> float:
    arena.kill_daemon()
    return _timed(screen, "died")


def _stop(arena: Arena, screen: Terminal) -> float:
    arena.run("stop-daemon", "--workspace", str(arena.root))
    return _timed(screen, "● stopped")  # the line with the advice is there only while a run is left
