"""Which rows of a view show which part of which line of a log, when long lines are wrapped."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from runforge import cells


class Row(NamedTuple):
    """One row: a line's number, and the columns of the line that it shows."""

    line: int
    start: int
    end: int


def down(text: Callable[[int], str], top: int, count: int, size: tuple[int, int]) -> list[Row]:
    """Return the rows of a view whose first row is the beginning of a line."""
    width, height = size
    rows: list[Row] = []
    for line in range(top, count):
        rows += _rows(line, text(line), width)
        if len(rows) >= height:
            break
    return rows[:height]


def up(text: Callable[[int], str], count: int, size: tuple[int, int]) -> list[Row]:
    """Return the rows of a view whose last row is the end of the last line."""
    width, height = size
    rows: list[Row] = []
    for line in range(count - 1, -1, -1):
        rows = [*_rows(line, text(line), width), *rows]
        if len(rows) >= height:
            break
    return rows[-height:]


def _rows(line: int, text: str, width: int) -> list[Row]:
    """Cut a line into rows; a wide character stays whole."""
    width = max(2, width)
    if text.isascii():
        return [Row(line, at, at + width) for at in range(0, max(1, len(text)), width)]
    rows, start, at = [], 0, 0
    for character in text:
        wide = cells.columns(character)
        if at + wide - start > width:
            rows.append(Row(line, start, at))
            start = at
        at += wide
    return [*rows, Row(line, start, at)]
