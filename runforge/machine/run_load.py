"""What the processes of each run use now: processor time and memory, found by the run's id in their environment.

One look reads a line of /proc for each process; the environment only of processes that were not there before.
"""

from __future__ import annotations

import contextlib
import os
import time
from typing import NamedTuple

_RUN_ID = b"RUNFORGE_RUN_ID="
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGESIZE")
#: Places after the name in /proc/PID/stat.
_USER, _SYSTEM, _START, _PAGES = 11, 12, 19, 21


class RunLoad(NamedTuple):
    """What a run uses: per cent of one core since the last look, and bytes in memory."""

    cpu_percent: float
    memory: int


class RunLoads:
    """Looks at the processes again and again."""

    def __init__(self) -> None:
        #: The run of a process, None for another one's; by its number and its start.
        self._runs: dict[tuple[int, bytes], str | None] = {}
        self._ticks: dict[tuple[int, bytes], int] = {}
        self._at = 0.0

    def look(self) -> dict[str, RunLoad]:
        """Return the load of each run that has a process."""
        now = time.monotonic()
        seconds, self._at = now - self._at, now
        runs: dict[tuple[int, bytes], str | None] = {}
        ticks: dict[tuple[int, bytes], int] = {}
        found: dict[str, RunLoad] = {}
        for pid in _pids():
            with contextlib.suppress(OSError, ValueError, IndexError):
                stat = _stat(pid)
                key = (pid, stat[_START])
                run = runs[key] = self._runs[key] if key in self._runs else _run_of(pid)
                if run is None:
                    continue
                ticks[key] = int(stat[_USER]) + int(stat[_SYSTEM])
                spent = ticks[key] - self._ticks.get(key, ticks[key])
                before = found.get(run, RunLoad(0.0, 0))
                percent = 100 * spent / _TICKS / seconds if seconds > 0 else 0.0
                found[run] = RunLoad(before.cpu_percent + percent, before.memory + int(stat[_PAGES]) * _PAGE)
        self._runs, self._ticks = runs, ticks
        return found


def _pids() -> list[int]:
    try:
        return [int(name) for name in os.listdir("/proc") if name.isdigit()]
    except OSError:
        return []  # another system than Linux


def _stat(pid: int) -> list[bytes]:
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rpartition(b")")[2].split()


def _run_of(pid: int) -> str | None:
    """Return the run of a process; None if it has none, or belongs to somebody else."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return None
    named = (word[len(_RUN_ID) :] for word in words if word.startswith(_RUN_ID))
    return next((os.fsdecode(name) for name in named), None)
