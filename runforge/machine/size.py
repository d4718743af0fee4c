"""How many processors and how much memory this machine lets us use."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

_MEMORY = Path("/proc/meminfo")
#: The limit of the container that we are in, if there is one.
_LIMIT = Path("/sys/fs/cgroup/memory.max")


def cpus() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) or 1


def mem_mb() -> int:
    """Return the memory in MB, 0 if that is not known."""
    found = [number for number in (_total(_MEMORY), _limit(_LIMIT)) if number]
    return min(found, default=0) // (1024 * 1024)


def _total(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in path.read_text("ascii").splitlines():
            if line.startswith("MemTotal:"):
                return int(line.split()[1]) * 1024
    return 0


def _limit(path: Path) -> int:
    with contextlib.suppress(OSError, ValueError):
        return int(path.read_text("ascii"))  # "max" is none
    return 0
