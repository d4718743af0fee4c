"""A run's log as numbered lines, however large: nothing is held but an index of where lines begin.

The end of a large log can be shown at once: the last part is indexed first, and the earlier parts by later
calls, each bounded, so that a screen never waits. Text is made harmless here, where it is read.
"""

from __future__ import annotations

import os
import re
import stat
from array import array
from bisect import bisect_right
from collections import OrderedDict
from pathlib import Path

from runforge.text import safe_log

#: Bytes indexed by one call, and those shown first of a larger log.
_STEP = 8 * 1024 * 1024
_FIRST = 256 * 1024
#: Longest line shown.
_LINE = 16 * 1024
_CACHED = 512
#: Colours and other looks (SGR) are dropped; whatever else a terminal would obey is shown.
_COLOURS = re.compile("\x1b\\[[0-9;:]*m")


class LogFile:
    """The lines of one log. Line 0 is the first line indexed so far; `offset` bytes before it are not yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.offset = 0
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None
        self._starts = array("Q")
        self._cache: OrderedDict[int, str] = OrderedDict()

    def close(self) -> None:
        """Let the file go."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._identity = None, None
        self._forget()

    def _forget(self) -> None:
        self.size = self.offset = 0
        self._starts = array("Q")
        self._cache.clear()

    @property
    def line_count(self) -> int:
        """Number of lines indexed so far; a last line without its newline counts."""
        return len(self._starts)

    @property
    def is_complete(self) -> bool:
        """Whether the beginning is indexed as well."""
        return self.offset == 0

    def refresh(self) -> bool:
        """Look for what was appended, replaced or is still to be indexed; return whether lines changed."""
        before = (self._identity, self.size, self.offset, len(self._starts))
        if not self._reopened_if_replaced():
            if self._identity is not None:
                self.close()
            return before != (self._identity, self.size, self.offset, len(self._starts))
        assert self._descriptor is not None
        size = os.fstat(self._descriptor).st_size
        if size < self.size:
            self._forget()
        if not self._starts and size > _FIRST:
            self.offset = self.size = self._line_start(size - _FIRST)
        if size > self.size:
            self._append(size)
        elif self.offset:
            self._prepend()
        return before != (self._identity, self.size, self.offset, len(self._starts))

    def _reopened_if_replaced(self) -> bool:
        try:
            found = os.stat(self.path, follow_symlinks=False)
        except OSError:
            return False
        if not stat.S_ISREG(found.st_mode):
            return False
        identity = (found.st_dev, found.st_ino)
        if identity != self._identity:
            self.close()
            flags = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
            try:
                self._descriptor = os.open(self.path, flags)
            except OSError:
                return False
            self._identity = identity
        return True

    def _read(self, count: int, start: int) -> bytes:
        assert self._descriptor is not None
        try:
            return os.pread(self._descriptor, count, start)
        except OSError:
            return b""

    def _line_start(self, position: int) -> int:
        """Return where the first whole line after a position begins."""
        newline = self._read(_FIRST, position).find(b"\n")
        return position if newline < 0 else position + newline + 1

    def _append(self, size: int) -> None:
        chunk = self._read(min(_STEP, size - self.size), self.size)
        if not chunk:
            return
        last = len(self._starts) - 1
        self._cache.pop(last, None)
        is_new_line = not self._starts or self._read(1, self.size - 1) == b"\n"
        starts = array("Q", [self.size] if is_new_line else [])
        starts.extend(_line_starts(chunk, self.size))
        self._starts.extend(starts)
        self.size += len(chunk)

    def _prepend(self) -> None:
        start = max(0, self.offset - _STEP)
        if start:
            start = min(self._line_start(start), self.offset)
            if start == self.offset:  # one line longer than a step: all of it
                start = 0
        chunk = self._read(self.offset - start, start)
        starts = array("Q", [start])
        starts.extend(_line_starts(chunk, start))
        self._starts = starts + self._starts
        self.offset = start
        self._cache.clear()

    def line(self, index: int) -> str:
        """Return a line, decoded and harmless; an empty text if there is none."""
        if not 0 <= index < len(self._starts) or self._descriptor is None:
            return ""
        if index not in self._cache:
            start = self._starts[index]
            end = self._starts[index + 1] - 1 if index + 1 < len(self._starts) else self.size
            data = self._read(min(_LINE, max(0, end - start)), start).rstrip(b"\n")
            cut = "…" if end - start > _LINE else ""
            text = _COLOURS.sub("", data.decode("utf-8", "replace"))
            self._cache[index] = safe_log(text).replace("\n", " ") + cut
            while len(self._cache) > _CACHED:
                self._cache.popitem(last=False)
        return self._cache[index]

    def find(self, text: str, start: int, *, backwards: bool = False) -> int | None:
        """Return the nearest line from `start` on that holds the text, whatever the case of ASCII letters."""
        wanted = text.encode("utf-8", "replace").lower()
        if not wanted or not self._starts:
            return None
        if backwards:
            return self._find_backwards(wanted, min(start, len(self._starts) - 1))
        return self._find_forwards(wanted, max(0, start))

    def _find_forwards(self, wanted: bytes, line: int) -> int | None:
        if line >= len(self._starts):
            return None
        position = self._starts[line]
        while position < self.size:
            found = self._read(_STEP, position).lower().find(wanted)
            if found >= 0:
                return self._line_at(position + found)
            position += _STEP - len(wanted) + 1
        return None

    def _find_backwards(self, wanted: bytes, line: int) -> int | None:
        if line < 0:
            return None
        end = self._starts[line + 1] if line + 1 < len(self._starts) else self.size
        while end > self.offset:
            start = max(self.offset, end - _STEP)
            found = self._read(end - start, start).lower().rfind(wanted)
            if found >= 0:
                return self._line_at(start + found)
            if start == self.offset:
                return None
            end = start + len(wanted) - 1
        return None

    def _line_at(self, position: int) -> int:
        return bisect_right(self._starts, position) - 1


def _line_starts(chunk: bytes, base: int) -> list[int]:
    """Return where lines begin after each newline of a chunk, one at its very end left to the next."""
    starts = [base + match.end() for match in re.finditer(b"\n", chunk)]
    return starts[:-1] if chunk.endswith(b"\n") else starts
