"""How much memory others have had on each device: the highest of the last ten minutes.

Somebody's training may free its memory between two epochs. A run that gets it then takes it away from them.
"""

from __future__ import annotations

from collections import deque

from runforge.machine.gpus import Gpus

SECONDS = 600.0


class ForeignMemory:
    """The highest values of a moving window, by device."""

    def __init__(self) -> None:
        #: For each device the times and values that may still be the highest: times rise, values fall.
        self._highest: dict[str, deque[tuple[float, int]]] = {}

    def added(self, found: Gpus, now: float) -> Gpus:
        """Take note of a look, and return it with the highest values instead of the present ones.

        Memory that belongs to no process counts only while it is there: a process that ends leaves it behind for a
        moment, also one of this queue.
        """
        seen = []
        for each in found.seen:
            of_processes = sum(owner.memory_mb or 0 for owner in each.foreign)
            highest = self._add(each.uuid, now, of_processes)
            seen.append(each._replace(foreign_mb=max(each.foreign_mb, highest)))
        return found._replace(seen=tuple(seen))

    def _add(self, uuid: str, now: float, value: int) -> int:
        window = self._highest.setdefault(uuid, deque())
        while window and window[-1][1] <= value:
            window.pop()
        window.append((now, value))
        while window[0][0] < now - SECONDS:
            window.popleft()
        return window[0][1]
