"""The columns of a list: which ones are shown, and how wide each is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runforge import cells
from runforge.text import safe
from runforge.tui.row_list import Cell

_GAP = 2


@dataclass(frozen=True, slots=True)
class Column:
    """One column. It is shown if the list is wide enough; `grow` is its share of the remaining width."""

    key: str
    title: str
    width: int
    from_width: int = 0
    grow: int = 0
    is_right: bool = False
    keeps_end: bool = False


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns with their widths."""

    columns: Sequence[tuple[Column, int]]

    def key_at(self, x: int) -> str | None:
        """Return the column at this position of a line; the gap after a column belongs to it."""
        for column, width in self.columns:
            x -= width + _GAP
            if x < 0:
                return column.key
        return None

    def line(self, values: Mapping[str, str | Cell]) -> list[Cell]:
        """Return a row's cells, each padded to its column's width. Texts are made harmless here."""
        line = []
        for column, width in self.columns:
            value = values.get(column.key, "")
            cell = value if isinstance(value, Cell) else Cell(value)
            text = cells.pad(
                safe(cell.text, 4 * width + 8), width, right=column.is_right, keep_end=column.keeps_end
            )
            line += [Cell(text, cell.style), Cell(" " * _GAP)]
        return line[:-1]


def fitted(columns: Sequence[Column], width: int) -> Layout:
    """Return the columns that fit into this width; growing columns share the remaining width."""
    shown = [column for column in columns if width >= column.from_width]
    left = width - sum(column.width for column in shown) - _GAP * (len(shown) - 1)
    shares = sum(column.grow for column in shown) or 1
    return Layout([(column, max(1, column.width + max(0, left) * column.grow // shares)) for column in shown])
