"""What every reader of a format does, and what the readers of lines share."""

from __future__ import annotations

from typing import Protocol

from runforge.metrics.points import LINE_LIMIT, Point


class Reader(Protocol):
    """Reads one file of one format."""

    def feed(self, data: bytes) -> list[Point]:
        """Return the points that are complete now."""

    def finish(self) -> list[Point]:
        """Return the points of a last entry that lacks only its newline, if it is surely whole."""

    def gap(self) -> None:
        """Expect the bytes of a later place of the same file."""

    def sentences(self) -> list[str]:
        """Return sentences for people about what was not read."""


class LineReader:
    """Splits bytes into lines. A longer line than the limit counts as one that says nothing."""

    def __init__(self) -> None:
        self._rest = b""
        self._is_torn = False

    def feed(self, data: bytes) -> list[Point]:
        """Return the points of the lines that are complete now."""
        *lines, rest = (self._rest + data).split(b"\n")
        # From a too long line only enough is kept to recognise it.
        self._rest = rest[: LINE_LIMIT + 1]
        if lines and self._is_torn:
            del lines[0]
            self._is_torn = False
        return [point for line in lines if len(line) <= LINE_LIMIT for point in self._line(line)]

    def finish(self) -> list[Point]:
        """Return nothing: a line without its newline may still grow, and what it says may be torn."""
        return []

    def gap(self) -> None:
        """Forget a line whose end will not be read; the next one may have no beginning."""
        self._rest = b""
        self._is_torn = True

    def sentences(self) -> list[str]:
        """Return nothing: lines of text that say nothing are usual."""
        return []

    def _line(self, line: bytes) -> list[Point]:
        raise NotImplementedError
