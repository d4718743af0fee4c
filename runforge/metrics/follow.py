"""Follows one growing file with its reader: each look reads what is new, in pieces of limited size.

A file that was replaced, cut or written anew from its beginning is read from its beginning. Nothing is locked,
and links, pipes and devices are not read.
"""

from __future__ import annotations

import os
from pathlib import Path

from runforge.files.durable import open_file
from runforge.metrics.points import Point
from runforge.metrics.sources.reader import Reader
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK = 4 * 1024 * 1024
#: So much of a file's beginning is compared at each look: the header of a table may have been written anew.
_HEAD = 16 * 1024
#: Parts of a too large file begin at a multiple of this: so do the blocks of some formats.
_ALIGNED = 32 * 1024


class Look(NamedTuple):
    """What one look has found."""

    points: list[Point]
    #: Whether all that was read before no longer counts.
    is_new: bool = False
    #: Whether bytes were read; then there may be more.
    has_read: bool = False


_NOTHING = Look([])


class FollowedFile:
    """The file at a path, and its reader."""

    def __init__(self, path: Path, make: Callable[[], Reader]) -> None:
        self._path = path
        self._make = make
        self._identity: tuple[int, int] | None = None
        self._head = b""
        self._position = 0
        self.reader = make()
        #: When the file was changed last, as seconds since 1970.
        self.changed_at: float | None = None

    def look(self) -> Look:
        """Read what was added."""
        try:
            descriptor = open_file(self._path, os.O_RDONLY)
        except OSError:
            return _NOTHING
        try:
            is_new = self._begin_anew(descriptor)
            data = os.pread(descriptor, _BLOCK, self._position)
        except OSError:
            return _NOTHING
        finally:
            os.close(descriptor)
        if len(self._head) < _HEAD:
            self._head += data[: _HEAD - len(self._head)]
        self._position += len(data)
        found = self.reader.feed(data) if data else self.reader.finish()
        return Look(found, is_new, bool(data))

    def _begin_anew(self, descriptor: int) -> bool:
        """Start over if the file is no longer the one that was read; return whether that was so."""
        info = os.fstat(descriptor)
        self.changed_at = info.st_mtime
        identity = (info.st_dev, info.st_ino)
        is_same = identity == self._identity and info.st_size >= self._position
        if is_same and os.pread(descriptor, len(self._head), 0) == self._head:
            return False
        was_read = self._identity is not None
        self._identity, self._head, self._position, self.reader = identity, b"", 0, self._make()
        return was_read


def read_ends(path: Path, reader: Reader, limit: int, unread: Callable[[int], None]) -> Iterator[Point]:
    """Yield the points of a file, once. Of a file above the limit, only the beginning and the end are read.

    `unread` is told how many bytes in between were not. Nothing comes of a link, a pipe or an unreadable file.
    """
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return
    try:
        size = os.fstat(descriptor).st_size
        parts = [(0, size)]
        if size > limit:
            late = (size - limit // 2) // _ALIGNED * _ALIGNED
            parts = [(0, limit // 2), (max(late, limit // 2), size)]
            unread(parts[1][0] - parts[0][1])
        for number, (start, end) in enumerate(parts):
            if number:
                reader.gap()
            while start < end and (data := os.pread(descriptor, min(_BLOCK, end - start), start)):
                start += len(data)  # noqa: PLW2901
                yield from reader.feed(data)
        yield from reader.finish()
    except OSError:
        return
    finally:
        os.close(descriptor)
