"""What a program costs as a whole process: wall time, and processor time, which other programs disturb less."""

from __future__ import annotations

import os
import statistics
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

#: What every command is compared with, in the same turns.
INTERPRETER = "interpreter"


class Cost(NamedTuple):
    """Milliseconds of a whole process, and the most memory that it had."""

    wall: float
    cpu: float
    mib: float = 0.0


def installed(folder: Path | None = None) -> list[str]:
    """Return the command of this installation, or of the one in another folder, as a user calls it."""
    script = (folder or Path(sys.executable).parent) / "runforge"
    return [str(script)] if script.exists() else [sys.executable, "-m", "runforge"]


def interpreter() -> list[str]:
    """Return the shortest program that the interpreter can run."""
    return [sys.executable, "-c", ""]


def once(command: Sequence[str], folder: Path, env: Mapping[str, str] | None = None) -> Cost:
    """Run a program to its end, with its output thrown away; SystemExit if it fails."""
    whole = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    nowhere = [(os.POSIX_SPAWN_OPEN, stream, os.devnull, os.O_RDWR, 0) for stream in (0, 1, 2)]
    before = os.getcwd()
    os.chdir(folder)
    try:
        begin = time.perf_counter()
        pid = os.posix_spawn(command[0], [*command], {**whole, **(env or {})}, file_actions=nowhere)
        _, status, used = os.wait4(pid, 0)
        wall = time.perf_counter() - begin
    finally:
        os.chdir(before)
    if status:
        raise SystemExit(f"bench: {' '.join(command)} failed")
    return Cost(wall * 1000, (used.ru_utime + used.ru_stime) * 1000, used.ru_maxrss / 1024)


def in_turn(
    commands: Mapping[str, Sequence[str]],
    folder: Path | Mapping[str, Path],
    rounds: int,
    env: Mapping[str, Mapping[str, str]] | None = None,
) -> dict[str, Cost]:
    """Run each program once a round; return the median wall time and the least processor time of each.

    All run in one folder, or each in its own.
    """

    def run(name: str) -> Cost:
        return once(
            commands[name], folder if isinstance(folder, Path) else folder[name], (env or {}).get(name)
        )

    found: dict[str, list[Cost]] = {name: [] for name in commands}
    for name in commands:
        run(name)  # its files are in memory afterwards, and compiled
    for _ in range(rounds):
        for name in commands:
            found[name].append(run(name))
    return {
        name: Cost(statistics.median(cost.wall for cost in costs), min(cost.cpu for cost in costs))
        for name, costs in found.items()
    }
