"""The last values of a metrics.jsonl, kept up to date while the run goes on, so that its end has little to read.

What the supervisor has written itself it knows. What the run has written is read from time to time, with a limited
share of the time. Standard library only: supervisors use it.
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from pathlib import Path

from runforge.files.durable import open_file
from runforge.metrics.jsonl import LastValues
from runforge.metrics.points import Point

#: Seconds between two looks at a file that grows, and at most; they double while it does not.
_SOON, _LATER = 2.0, 30.0
#: One look takes this many seconds at most, and all of them this share of the time.
_BUDGET, _SHARE = 0.05, 0.2
_BLOCK = 1024 * 1024
#: At the end of the run, which holds its slot meanwhile, so much more is read at most: beyond that the beginning and
#: the end of it. This takes a fifth of a second.
_LEFT = 2 * 1024 * 1024
#: A file whose beginning has changed is another one.
_HEAD = 4096


class KeptValues:
    """The file at a path."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._next = time.monotonic() + _SOON
        self._pause = _SOON
        self._begin_anew(None)

    def _begin_anew(self, identity: tuple[int, int] | None) -> None:
        self._last = LastValues()
        self._identity = identity
        self._head = b""

    def wait_seconds(self) -> float:
        """Return the seconds until `look` is due."""
        return max(0.0, self._next - time.monotonic())

    def appended(self, descriptor: int, lines: bytes, points: Sequence[Point]) -> None:
        """Take lines that were just written at the end of the file, if nothing before them is unread."""
        info, end = os.fstat(descriptor), os.lseek(descriptor, 0, os.SEEK_CUR)
        start = end - len(lines)
        if start == 0:
            self._begin_anew((info.st_dev, info.st_ino))
        is_next = start == self._last.position and self._identity == (info.st_dev, info.st_ino)
        if is_next and self._last.reader.is_between_lines:
            self._head += lines[: _HEAD - len(self._head)]
            self._last.take(points, end)

    def look(self) -> None:
        """Read what is new, if it is time."""
        start = time.monotonic()
        if start < self._next:
            return
        has_read = self._read_some(start + _BUDGET)
        took = time.monotonic() - start
        self._pause = _SOON if has_read else min(_LATER, 2 * self._pause)
        is_behind = took >= _BUDGET
        self._next = time.monotonic() + (took / _SHARE if is_behind else self._pause)

    def _read_some(self, until: float) -> bool:
        """Read on until the end or this time; return whether there was something to read."""
        has_read = False
        descriptor = self._open()
        if descriptor is None:
            return False
        try:
            size = os.fstat(descriptor).st_size
            while self._last.position < size and time.monotonic() < until:
                has_read = True
                if not self._last.read_on(descriptor, min(size, self._last.position + _BLOCK)):
                    break
        except OSError:
            return has_read
        finally:
            os.close(descriptor)
        return has_read

    def finish(self) -> LastValues:
        """Return the last values, after the rest was read."""
        descriptor = self._open()
        if descriptor is None:
            return self._last
        try:
            self._last.read(descriptor, _LEFT)
        except OSError:
            return self._last
        finally:
            os.close(descriptor)
        return self._last

    def _open(self) -> int | None:
        """Open the file, and begin anew if it is another one; None if there is none to read."""
        try:
            descriptor = open_file(self._path, os.O_RDONLY)
        except OSError:
            self._begin_anew(None)
            return None
        try:
            info = os.fstat(descriptor)
            identity = (info.st_dev, info.st_ino)
            is_same = identity == self._identity and info.st_size >= self._last.position
            if not is_same or os.pread(descriptor, len(self._head), 0) != self._head:
                self._begin_anew(identity)
            if len(self._head) < _HEAD:
                self._head = os.pread(descriptor, _HEAD, 0)
        except OSError:
            os.close(descriptor)
            return None
        return descriptor
