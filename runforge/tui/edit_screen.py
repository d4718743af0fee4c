"""Runs as a table of parameters: change the cells, then save them all, or make a new run with them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar, Literal, TypeAlias

from textual import on
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from runforge.text import safe
from runforge.tui.bars import Key
from runforge.tui.base_screen import BaseScreen
from runforge.tui.cell_table import CellTable
from runforge.tui.row_list import RowList
from runforge.views.shown import JobView

_What: TypeAlias = Literal["cell", "column", "name"]


class EditScreen(BaseScreen):
    """Some queued runs to change, or one run to make a new one from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "cell", "Change the cell"),
        Binding("equals_sign", "column", "One value for the whole column"),
        Binding("a", "add", "Another parameter, as a new column"),
        Binding("u", "undo", "Take back what was typed in the cell"),
        Binding("ctrl+s,s", "save", "Save all changes, or queue the new run"),
        Binding("escape", "leave", "Back without a change"),
    ]
    KEYS: ClassVar[Sequence[Key]] = (
        Key("↵", "change", "cell"),
        Key("=", "whole column", "column"),
        Key("a", "add", "add"),
        Key("u", "undo", "undo"),
        Key("s", "save", "save"),
        Key("esc", "back", "leave"),
        Key("?", "help", "help"),
    )
    DEFAULT_CSS = """
    EditScreen #cell { display: none; border: none; height: 1; padding: 0 1; }
    EditScreen #note { height: 1; padding: 0 1; background: $boost; }
    """

    def __init__(self, jobs: Sequence[JobView], *, is_new: bool) -> None:
        super().__init__()
        self._jobs = jobs
        self._is_new = is_new
        #: What is typed in the line: one cell, a whole column, or the name of a new column.
        self._what: _What = "cell"
        self._is_saving = False

    def content(self) -> Iterable[Widget]:
        """Lay out the table, what is typed, and a note."""
        yield CellTable(id="cells")
        yield Static(id="note", markup=False)
        yield Input(id="cell", compact=True, select_on_focus=False)

    def on_mount(self) -> None:
        """Read the runs."""
        steering, jobs, is_new = self.runforge.steering, self._jobs, self._is_new
        self.table.border_title = Content("New run" if is_new else "Edit")
        self.table.focus()
        self.runforge.read(
            self, lambda: steering.parameters(jobs, is_new=is_new), self.table.show, is_awaited=True
        )

    @property
    def table(self) -> CellTable:
        """The table of cells."""
        return self.query_one(CellTable)

    @on(RowList.Chosen)
    def _chosen(self) -> None:
        self.action_cell()

    @on(CellTable.Changed)
    def _note(self) -> None:
        changed = self.table.changed()
        cells = sum(len(texts) for _, texts in changed)
        count = f"{cells} cells of {len(changed)} runs changed; s saves" if cells else "nothing changed yet"
        self.query_one("#note", Static).update(f"{safe(self.table.name_at_cursor, 60)} · {count}")

    def action_cell(self) -> None:
        """Type a new text for the cell."""
        name = self.table.name_at_cursor
        self._type("cell", self.table.text_at_cursor, f"{name} of this run; empty removes it")

    def action_column(self) -> None:
        """Type one text for all cells of the column."""
        name = self.table.name_at_cursor
        self._type("column", self.table.text_at_cursor, f"{name} of all runs; empty removes it")

    def action_add(self) -> None:
        """Type the name of a parameter that no run has yet."""
        self._type("name", "", "name of another parameter: lr or optimizer.lr")

    def _type(self, what: _What, text: str, hint: str) -> None:
        if not self.table.row_count():
            return
        self._what = what
        field = self.query_one("#cell", Input)
        field.placeholder, field.value = hint, text
        field.cursor_position = len(field.value)
        field.display = True
        field.focus()

    @on(Input.Submitted, "#cell")
    def _typed(self, event: Input.Submitted) -> None:
        self._close()
        if self._what != "name":
            self.table.put(event.value, is_for_all=self._what == "column")
        elif name := event.value.strip():
            self.table.add(name)

    def _close(self) -> None:
        self.query_one("#cell", Input).display = False
        self.table.focus()

    def action_undo(self) -> None:
        """Take back what was typed in the cell."""
        self.table.undo()

    def action_save(self) -> None:
        """Save, and go back when it is done."""
        if self._is_saving:
            return
        typed = self.table.everything() if self._is_new else self.table.changed()
        if not typed:
            self.say("nothing is changed yet: enter changes a cell", is_error=True)
            return
        steering = self.runforge.steering
        self._is_saving = True

        def save() -> str:
            try:
                said = steering.make_new(typed) if self._is_new else steering.edit(typed)
            except BaseException:
                self._is_saving = False
                raise
            self.app.call_from_thread(self._saved)
            return said

        self.act(save)

    def _saved(self) -> None:
        if self.is_current:
            self.runforge.leave()

    def action_leave(self) -> None:
        """Close the line, or go back; typed changes are asked about."""
        if self.query_one("#cell", Input).display:
            self._close()
        elif self.table.changed():
            from runforge.tui.dialogs import Confirm

            question = Confirm("Leave without saving?", ["what you typed is lost"])
            self.app.push_screen(question, self._left)
        else:
            super().action_leave()

    def _left(self, is_yes: bool | None) -> None:
        if is_yes:
            self.runforge.leave()
