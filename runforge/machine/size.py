"""How many processors and how much memory this machine lets us use."""

from __future__ import annotations

from runforge.system import os

_MEMORY = "/proc/meminfo"
#: The limit of the container that we are in, if there is one.
_LIMIT = "/sys/fs/cgroup/memory.max"


def cpus() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) or 1


def mem_mb() -> int:
    """Return the memory in MB, 0 if that is not known."""
    found = [number for number in (_total(_MEMORY), _limit(_LIMIT)) if number]
    return min(found, default=0) // (1024 * 1024)


def _total(path: str) -> int:
    for line in _read(path).splitlines():
        words = line.split()
        if len(words) > 1 and words[0] == "MemTotal:" and words[1].isdigit():
            return int(words[1]) * 1024
    return 0


def _limit(path: str) -> int:
    text = _read(path).strip()
    return int(text) if text.isdigit() else 0  # "max" is none


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, ValueError):
        return ""
