"""Which of many dicts may have changed, told by the counter that the interpreter keeps in each of them.

Until 3.12 CPython counts up with every change of a dict (PEP 509). To read the counters is ten times quicker than to
read the values, whose memory is scattered. Later versions do not count when an object gets an attribute: there every
dict may have changed.
"""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable, Sequence
from functools import partial
from operator import itemgetter
from typing import Any

#: Where it is in a dict: behind the count of references, the type and the length, a word each.
_WORD = ctypes.sizeof(ctypes.c_uint64)
_OFFSET = 3 * _WORD


def _reader(dicts: Sequence[dict[Any, Any]]) -> Callable[[], Sequence[int]]:
    """Return what reads the counters of these dicts, which must stay where they are."""
    places = [id(each) + _OFFSET for each in dicts]
    first = min(places)
    # All memory between them, of which nothing is touched but the counters.
    words = (ctypes.c_uint64 * ((max(places) - first) // _WORD + 1)).from_address(first)
    memory = memoryview(words).cast("B").cast("Q")
    return partial(itemgetter(*((place - first) // _WORD for place in places)), memory)


def _has_counters() -> bool:
    """Return whether this interpreter counts there: with each change of a dict, and with nothing else."""
    probe: dict[Any, Any] = {}
    read = _reader([probe, probe])
    seen = [read()]
    for change in (
        lambda: probe.update(a=1),
        lambda: probe.__setitem__("a", 2),
        lambda: probe.setdefault("b", []),
        lambda: probe.pop("a"),
        probe.clear,
    ):
        change()
        seen.append(read())
    probe.get("a"), list(probe.values()), probe.copy()
    return len(set(seen)) == len(seen) and read() == seen[-1]


_CAN_HAVE = sys.version_info < (3, 13) and sys.implementation.name == "cpython"
_HAS_COUNTERS = _CAN_HAVE and ctypes.sizeof(ctypes.c_void_p) == _WORD and _has_counters()


class ChangedDicts:
    """Remembers how two or more dicts were."""

    def __init__(self, dicts: Sequence[dict[Any, Any]]) -> None:
        self._dicts = dicts
        self._read = _reader(dicts) if _HAS_COUNTERS else None
        self._seen = self._read() if self._read is not None else ()

    def since_then(self) -> Sequence[int]:
        """Return the numbers of the dicts that may have changed since they were last the same."""
        if self._read is None:
            return range(len(self._dicts))
        now = self._read()
        if now == self._seen:
            return ()
        return [number for number, (new, old) in enumerate(zip(now, self._seen, strict=True)) if new != old]

    def are_the_same(self) -> None:
        """Say that all of them are as they were."""
        if self._read is not None:
            self._seen = self._read()
