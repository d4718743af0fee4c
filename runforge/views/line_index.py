"""The positions of the lines of a large file, in a few kilobytes.

It counts newlines in blocks of fixed size. The offsets inside a block are found when needed. An offset for
each line would need 8 bytes per line: half a gigabyte for 64 MiB of empty lines.
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable
from itertools import accumulate

BLOCK = 64 * 1024
_KEPT_BLOCKS = 8
_NEWLINE = re.compile(b"\n")


class LineIndex:
    """The lines in the known bytes [begin, end). It can grow at both ends.

    Line 0 starts at `begin`, line i after the i-th newline. New lines at the front shift the numbers.
    """

    def __init__(self, read: Callable[[int, int], bytes], begin: int) -> None:
        self._read = read
        self._first = begin // BLOCK
        self.end = self.begin
        self._counts: array[int] = array("Q")
        self._totals: list[int] = []
        self._ends_open = False
        self._places: OrderedDict[int, list[int]] = OrderedDict()

    @property
    def begin(self) -> int:
        """The offset of the first known byte."""
        return self._first * BLOCK

    @property
    def newlines(self) -> int:
        """How many newlines are known."""
        return self._totals[-1] if self._totals else 0

    @property
    def line_count(self) -> int:
        """How many lines are known, also counting a last one without a newline."""
        return self.newlines + self._ends_open

    def append(self, size: int, most: int) -> int:
        """Read what was appended to the file, at most this many bytes; return how many."""
        start = self.end
        data = self._read(start, min(size - start, most))
        at = 0
        while at < len(data):
            block = (start + at) // BLOCK - self._first
            length = BLOCK - (start + at) % BLOCK
            if block == len(self._counts):
                self._counts.append(0)
                self._totals.append(self.newlines)
            found = data.count(b"\n", at, at + length)
            self._counts[block] += found
            self._totals[block] += found
            self._places.pop(block, None)
            at += length
        if data:
            self.end += len(data)
            self._ends_open = data[-1:] != b"\n"
        return len(data)

    def prepend(self, most: int) -> int:
        """Read what comes before, at most this many bytes; return by how much line numbers have shifted."""
        blocks = min(self._first, most // BLOCK)
        if not blocks:
            return 0
        data = self._read((self._first - blocks) * BLOCK, blocks * BLOCK)
        found = [data.count(b"\n", at, at + BLOCK) for at in range(0, blocks * BLOCK, BLOCK)]
        self._counts = array("Q", found) + self._counts
        self._totals = list(accumulate(self._counts))
        self._first -= blocks
        self._places.clear()
        return sum(found)

    def span(self, line: int) -> tuple[int, int]:
        """Return [start, end) of a known line without its newline."""
        start = self._newline(line - 1) + 1 if line else self.begin
        return start, self._newline(line) if line < self.newlines else self.end

    def line_at(self, offset: int) -> int:
        """Return the line at an offset."""
        block = offset // BLOCK - self._first
        before = self._totals[block] - self._counts[block]
        return before + bisect_right(self._in_block(block), offset - 1)

    def _newline(self, number: int) -> int:
        block = bisect_right(self._totals, number)
        before = self._totals[block] - self._counts[block]
        places = self._in_block(block)
        # Fewer than counted: the file was cut meanwhile; the next look will see it.
        return places[number - before] if number - before < len(places) else self.end

    def _in_block(self, block: int) -> list[int]:
        """Return the offsets of a block's newlines."""
        if block in self._places:
            self._places.move_to_end(block)
            return self._places[block]
        start = (self._first + block) * BLOCK
        data = self._read(start, min(BLOCK, self.end - start))
        places = [start + match.start() for match in _NEWLINE.finditer(data)]
        self._places[block] = places
        if len(self._places) > _KEPT_BLOCKS:
            self._places.popitem(last=False)
        return places
