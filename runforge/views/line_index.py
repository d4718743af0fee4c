"""Where the lines of a large file are, in a few kilobytes whatever it holds.

Counts newlines by blocks on a fixed grid; the offsets within a block are found when asked for. An
offset for each line would cost 8 bytes a line: half a gigabyte for 64 MiB of empty lines.
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
    """Lines of the bytes [begin, end) known so far: it grows at both sides.

    Line 0 starts at `begin`, line i after the i-th newline. Lines in front shift the numbers.
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
        """How many lines are known, one without its newline at the end included."""
        return self.newlines + self._ends_open

    def append(self, size: int, most: int) -> int:
        """Take in what the file has gained, at most so many bytes; return how many."""
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
        """Take in what stands before, at most so many bytes; return by how much lines have shifted."""
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
        """Return which line holds an offset."""
        block = offset // BLOCK - self._first
        before = self._totals[block] - self._counts[block]
        return before + bisect_right(self._in_block(block), offset - 1)

    def _newline(self, number: int) -> int:
        block = bisect_right(self._totals, number)
        before = self._totals[block] - self._counts[block]
        places = self._in_block(block)
        # Fewer than counted: the file was cut behind our back, and the next look will see it.
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
