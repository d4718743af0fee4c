"""How often the kernel has killed for lack of memory, as this process's memory cgroup counts it. For Linux."""

from __future__ import annotations

import contextlib
from functools import cache
from pathlib import Path

from runforge.machine import os_process


def oom_kills() -> int:
    """Return how many processes of this one's memory cgroup the kernel has killed for memory."""
    for path in _memory_event_files():
        with contextlib.suppress(OSError, ValueError, IndexError):
            for line in os_process.read_all(path).splitlines():
                name, _, value = line.partition(b" ")
                if name == b"oom_kill":
                    return int(value)
    return 0


@cache
def _memory_event_files() -> tuple[str, ...]:
    found = []
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/cgroup").read_text("utf-8", "surrogateescape").splitlines():
            _, kinds, path = line.split(":", 2)
            if kinds == "":
                found.append(f"/sys/fs/cgroup/{path.lstrip('/')}/memory.events")
            elif "memory" in kinds.split(","):
                found.append(f"/sys/fs/cgroup/memory/{path.lstrip('/')}/memory.oom_control")
    return tuple(found)
