"""A table whose cells can be changed: runs below each other, one column for each parameter; a single run stands upright.

It keeps the new texts. It checks and writes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from runforge import cells
from runforge.text import safe
from runforge.tui.row_list import Cell, RowList

if TYPE_CHECKING:
    from runforge.queue.parameter_table import Row, Table

_WIDEST = 40
_GAP = 2


class CellTable(RowList):
    """The cells of some runs, with a cursor on one of them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "column(-1)", "Column to the left", show=False),
        Binding("right", "column(1)", "Column to the right", show=False),
    ]
    DEFAULT_CSS = "CellTable { height: 1fr; }"

    class Changed(Message):
        """A cell has another text, or the cursor is on another one."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, classes="panel")
        self._columns: Sequence[str] = ()
        self._runs: Sequence[Row] = ()
        self._column = 0
        #: The new texts: by number of the run and name of the column.
        self._typed: dict[tuple[int, str], str] = {}

    def show(self, table: Table) -> None:
        """Show runs."""
        self._columns, self._runs = table.columns, table.rows
        self.rows_changed()
        self.refresh()

    @property
    def _is_upright(self) -> bool:
        return len(self._runs) == 1

    @property
    def _run(self) -> int:
        return 0 if self._is_upright else self.cursor

    @property
    def name_at_cursor(self) -> str:
        """The column of the cell under the cursor."""
        place = self.cursor if self._is_upright else self._column
        return self._columns[place] if place < len(self._columns) else ""

    @property
    def text_at_cursor(self) -> str:
        """The text of the cell under the cursor."""
        return self._text(self._run, self.name_at_cursor) if self._runs else ""

    def _text(self, run: int, name: str) -> str:
        return self._typed.get((run, name), self._runs[run].cells.get(name, ""))

    def put(self, text: str, *, is_for_all: bool = False) -> None:
        """Change the cell under the cursor, or its whole column."""
        name = self.name_at_cursor
        for run in range(len(self._runs)) if is_for_all else [self._run]:
            self._typed[run, name] = text
            if text == self._runs[run].cells.get(name, ""):
                del self._typed[run, name]
        self.refresh()
        self.post_message(self.Changed())

    def add(self, name: str) -> None:
        """Add a column, if there is none of this name, and put the cursor on it."""
        if name not in self._columns:
            self._columns = [name, *self._columns]
        self.rows_changed()
        if self._is_upright:
            self.move_to(self._columns.index(name))
        self._column = self._columns.index(name)
        self.refresh()
        self.post_message(self.Changed())

    def undo(self) -> None:
        """Take back the text of the cell under the cursor."""
        if self._runs:
            self.put(self._runs[self._run].cells.get(self.name_at_cursor, ""))

    def changed(self) -> list[tuple[Row, Mapping[str, str]]]:
        """Return the runs with new texts, and these by column."""
        found: dict[int, dict[str, str]] = {}
        for (run, name), text in self._typed.items():
            found.setdefault(run, {})[name] = text
        return [(self._runs[run], texts) for run, texts in sorted(found.items())]

    def everything(self) -> list[tuple[Row, Mapping[str, str]]]:
        """Return all runs, with their new texts if they have any."""
        new = {row.job_id: texts for row, texts in self.changed()}
        return [(row, new.get(row.job_id, {})) for row in self._runs]

    def action_column(self, by: int) -> None:
        """Move the cursor to another column."""
        self._column = min(max(0, len(self._columns) - 1), max(0, self._column + by))
        self.refresh()
        self.post_message(self.Changed())

    def move_to(self, index: int) -> None:
        """Put the cursor on another row."""
        super().move_to(index)
        self.post_message(self.Changed())

    def row_count(self) -> int:
        """Return how many rows there are."""
        return len(self._columns) if self._is_upright else len(self._runs)

    def header(self, width: int) -> Sequence[Cell]:
        """Return the names of the columns."""
        if self._is_upright:
            run = self._runs[0]
            return [Cell(cells.pad(f" {'PARAMETER':<{self._label_width()}}  #{run.number}", width))]
        line = [Cell(f" {'RUN':<{self._label_width()}}")]
        return line + [
            Cell(" " * _GAP + cells.pad(safe(name).upper(), wide)) for name, wide in self._visible(width)
        ]

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one row."""
        wide = self._label_width()
        if self._is_upright:
            name = self._columns[index]
            room = max(1, width - wide - _GAP - 1)
            return [
                Cell(f" {cells.pad(safe(name), wide)}" + " " * _GAP, "dim"),
                self._cell(0, name, room, is_current=index == self.cursor),
            ]
        line = [Cell(f" {cells.pad(f'#{self._runs[index].number}', wide)}", "dim")]
        for name, room in self._visible(width):
            is_current = index == self.cursor and name == self.name_at_cursor
            line += [Cell(" " * _GAP), self._cell(index, name, room, is_current=is_current)]
        return line

    def _cell(self, run: int, name: str, room: int, *, is_current: bool) -> Cell:
        is_new = (run, name) in self._typed
        style = ("newcell" if is_new else "cell") if is_current else ("new" if is_new else "")
        return Cell(cells.pad(safe(self._text(run, name)) or "-", room), style)

    def _label_width(self) -> int:
        texts = self._columns if self._is_upright else [f"#{run.number}" for run in self._runs]
        return min(_WIDEST, max((cells.columns(safe(text)) for text in texts), default=3))

    def _visible(self, width: int) -> list[tuple[str, int]]:
        """Return the columns that fit, the current one among them, with their widths."""
        widths = [self._wide(name) for name in self._columns]
        room = width - self._label_width() - 1
        first = 0
        while first < self._column and sum(widths[first : self._column + 1]) > room:
            first += 1
        shown: list[tuple[str, int]] = []
        for name, wide in zip(self._columns[first:], widths[first:], strict=True):
            if room - wide < 0 and shown:
                break
            shown.append((name, min(wide, max(_GAP + 1, room)) - _GAP))
            room -= wide
        return shown

    def _wide(self, name: str) -> int:
        texts = [name, *(self._text(run, name) for run in range(len(self._runs)))]
        return min(_WIDEST, max(cells.columns(safe(text)) for text in texts)) + _GAP

    def empty_text(self) -> list[str]:
        """Return what is shown while the runs are read."""
        return ["", "  Reading the requests ..."]
