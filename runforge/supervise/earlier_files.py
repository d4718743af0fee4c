"""Metric files that were there before the run. One that only grows has the numbers of others in front."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from runforge.files.durable import open_file
from runforge.metrics.sources import kinds

_MOST = 256
_TAIL = 1024
#: Formats whose files runs share by adding to them.
_SHARED = frozenset({kinds.TABLE, kinds.LINES})


class EarlierFiles:
    """The ends of these files, as they were."""

    def __init__(self) -> None:
        self._ends: dict[str, tuple[int, bytes]] = {}

    def note(self, paths: Iterable[str], since: float) -> None:
        """Note how files end that nobody has changed since then."""
        for path in paths:
            if len(self._ends) < _MOST and kinds.kind_of_name(path) in _SHARED and _is_older(path, since):
                end = _end(path, None)
                if end is not None and end[0]:
                    self._ends[path] = end

    def goes_on(self, path: str) -> bool:
        """Return whether a file still has what it had before the run, with more behind it."""
        before = self._ends.get(path)
        return before is not None and _end(path, before[0]) == before


def _is_older(path: str, since: float) -> bool:
    try:
        return os.stat(path).st_mtime < since
    except OSError:
        return False


def _end(path: str, size: int | None) -> tuple[int, bytes] | None:
    """Return the size and the last bytes of a file, or of its first `size` bytes; None if it is not to be read."""
    try:
        descriptor = open_file(Path(path), os.O_RDONLY)
    except OSError:
        return None
    try:
        length = os.fstat(descriptor).st_size if size is None else size
        return length, os.pread(descriptor, min(_TAIL, length), max(0, length - _TAIL))
    except OSError:
        return None
    finally:
        os.close(descriptor)
