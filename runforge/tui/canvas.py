"""Dots of braille in character cells, eight a cell, and how curves become dots."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runforge.tui.series_looks import mark

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
#: Signs on a curve are this many columns apart.
_MARK_EVERY = 16
_CURSOR = "┊"
NOBODY = -1


@dataclass(frozen=True, slots=True)
class Range:
    """A range of an axis."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """Its length, never zero."""
        return (self.high - self.low) or 1.0


class Canvas:
    """Dots in character cells; a cell has the colour of the last curve in it."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._dots = [[0] * width for _ in range(height)]
        self._owner = [[NOBODY] * width for _ in range(height)]
        self._marks: dict[tuple[int, int], str] = {}

    def dot(self, x: int, y: int, owner: int) -> None:
        """Set a dot, counted from the top left; a cell has two dots across and four down."""
        column, line = x >> 1, y >> 2
        if 0 <= column < self.width and 0 <= line < self.height:
            self._dots[line][column] |= _DOTS[y & 3][x & 1]
            self._owner[line][column] = owner

    def mark(self, x: int, y: int, owner: int) -> None:
        """Fill the cell of a dot with the curve's sign."""
        self._marks[y >> 2, x >> 1] = mark(owner)
        self.dot(x, y, owner)

    def column(self, x: int, low: int, high: int, owner: int) -> None:
        """Set all dots of a column between two heights."""
        for y in range(max(0, min(low, high)), min(self.height * 4 - 1, max(low, high)) + 1):
            self.dot(x, y, owner)

    def cursor(self, column: int) -> None:
        """Draw an upright line where nothing else is."""
        for line in range(self.height):
            if 0 <= column < self.width and not self._dots[line][column]:
                self._marks[line, column] = _CURSOR

    def line(self, index: int) -> list[tuple[str, int]]:
        """Return a line as pieces of text, each with its curve or `NOBODY`."""
        pieces: list[tuple[str, int]] = []
        for column, (dots, owner) in enumerate(zip(self._dots[index], self._owner[index], strict=True)):
            shown = self._marks.get((index, column)) or (chr(_BRAILLE + dots) if dots else " ")
            if pieces and pieces[-1][1] == owner:
                pieces[-1] = (pieces[-1][0] + shown, owner)
            else:
                pieces.append((shown, owner))
        return pieces


def scatter(
    canvas: Canvas, points: Sequence[tuple[float, float]], ranges: tuple[Range, Range], owner: int
) -> None:
    """Draw points, each as a sign: a single dot is hard to see."""
    for x, y in points:
        canvas.mark(*_place(canvas, x, y, ranges), owner)


def trace(
    canvas: Canvas,
    points: Sequence[tuple[float, float]],
    ranges: tuple[Range, Range],
    owner: int,
    *,
    has_marks: bool,
) -> None:
    """Draw a line; of many points in one column of dots, from the lowest to the highest."""
    extremes: dict[int, tuple[int, int, int]] = {}
    for x, y in points:
        column, line = _place(canvas, x, y, ranges)
        low, top, _ = extremes.get(column, (line, line, line))
        extremes[column] = (max(low, line), min(top, line), line)
    before: tuple[int, int] | None = None
    for column in sorted(extremes):
        low, top, last = extremes[column]
        if before is not None:
            _join(canvas, before, (column, low if before[1] > low else max(top, min(before[1], low))), owner)
        canvas.column(column, low, top, owner)
        before = (column, last)
    if has_marks:
        _put_marks(canvas, [(column, extremes[column][2]) for column in sorted(extremes)], owner)


def _place(canvas: Canvas, x: float, y: float, ranges: tuple[Range, Range]) -> tuple[int, int]:
    x_range, y_range = ranges
    column = round((x - x_range.low) / x_range.span * (canvas.width * 2 - 1))
    return column, round((y_range.high - y) / y_range.span * (canvas.height * 4 - 1))


def _join(canvas: Canvas, start: tuple[int, int], end: tuple[int, int], owner: int) -> None:
    steps = max(abs(end[0] - start[0]), 1)
    height = start[1]
    for step in range(1, steps + 1):
        now = start[1] + round((end[1] - start[1]) * step / steps)
        canvas.column(start[0] + step, height, now, owner)
        height = now


def _put_marks(canvas: Canvas, places: Sequence[tuple[int, int]], owner: int) -> None:
    """Put the curve's sign on some of its points; other curves have theirs at other columns."""
    following = owner * 5 % _MARK_EVERY * 2
    for column, line in places:
        if column >= following:
            canvas.mark(column, line, owner)
            following = column + 2 * _MARK_EVERY
    if places:
        canvas.mark(*places[-1], owner)
