"""The processes below one, asked for from the top: the cost is that of the tree, not of all processes there are."""

from __future__ import annotations

import os

from runforge.machine import os_process


def tree_below(root: int | None = None) -> list[int]:
    """Return the descendants like `descendants`, at the cost of these alone; one that is just made may be missed."""
    found: list[int] = []
    edge = [root or os.getpid()]
    try:
        while edge:
            edge = [child for pid in edge for child in _told_children(pid)]
            found += edge
    except OSError:  # this kernel does not tell
        return os_process.descendants(root)
    return found


def _told_children(pid: int) -> list[int]:
    """Return the children of all threads of a process; none if it is gone. Raises OSError if the kernel tells none."""
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return []
    return [child for thread in threads for child in _of_thread(f"/proc/{pid}/task/{thread}")]


def _of_thread(folder: str) -> list[int]:
    try:
        return [int(word) for word in os_process.read_all(f"{folder}/children").split()]
    except OSError:
        if os.path.exists(folder):
            raise
        return []


def cpu_seconds_below(root: int) -> float:
    """Return the processor time of all descendants of a process, of those that have ended too; not its own."""
    ticks = sum(_ticks(root)[2:])
    for pid in tree_below(root):
        ticks += sum(_ticks(pid))
    return ticks / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> list[int]:
    """Return a process's ticks in its own code and in the kernel, and those of its ended children."""
    try:
        return [int(word) for word in os_process.stat_of(pid)[11:15]]
    except (OSError, IndexError, ValueError):
        return []
