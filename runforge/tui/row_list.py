"""A list that costs the same with ten rows and with a hundred thousand.

Only visible rows exist: a row is requested when it is painted, and only its changed parts are painted again.
The subclasses say what a row shows. They have its data already, or get it after `seen_changed` and show a
placeholder until then. Nothing is read while painting.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from runforge import cells
from runforge.named import NamedTuple

#: The styles of rows and cells. The screen has them for all its lists: each list would style them anew.
ROW_STYLES = frozenset(
    f"row--{name}"
    for name in (
        *("header", "cursor", "marked", "dim", "strong", "bar", "spark", "cell", "new", "newcell"),
        *("queued", "running", "succeeded", "failed", "canceled", "paused"),
    )
)


class Cell(NamedTuple):
    """A piece of a row: a text padded to its width, the name of its style, and a colour of its own; or neither."""

    text: str
    style: str = ""
    colour: str = ""


class RowList(ScrollView, can_focus=True):
    """A scrolling list of rows under a fixed header line, with a cursor."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False),
        Binding("home,g", "edge(0)", "First row", show=False),
        Binding("end,G", "edge(1)", "Last row", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    class Chosen(Message):
        """Enter or a double click on a row."""

        def __init__(self, row_list: RowList) -> None:
            self.row_list = row_list
            super().__init__()

        @property
        def control(self) -> RowList:
            """The list that sent the message."""
            return self.row_list

    class Moved(Message):
        """The cursor is on another row, or its row has changed."""

    cursor = 0

    def __init__(self, *, id: str, classes: str = "") -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, classes=classes)
        self._painted: dict[int, list[Cell]] = {}

    def row_count(self) -> int:
        """Return how many rows there are."""
        return 0

    def header(self, width: int) -> Sequence[Cell]:
        """Return the header line for this width."""
        return [Cell(" " * width)]

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one row for this width."""
        return [Cell(f"{index}".ljust(width))]

    def header_clicked(self, x: int) -> None:
        """Handle a click on the header line."""

    def is_marked(self, index: int) -> bool:
        """Return whether the row is marked."""
        return index < 0

    def empty_text(self) -> list[str]:
        """Return the text for a list without rows."""
        return []

    def seen_changed(self) -> None:
        """Other rows may be visible now, or the cursor has moved: request them if needed."""

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scroll, and report that other rows are visible."""
        super().watch_scroll_y(old_value, new_value)
        self.seen_changed()

    @property
    def page_size(self) -> int:
        """How many rows are visible."""
        return max(1, self.scrollable_content_region.height - 1)

    def rows_changed(self) -> None:
        """Call this when rows were added, removed or changed; it repaints the different parts."""
        size = Size(1, self.row_count() + 1)  # a list never scrolls sideways
        if not self.size and size.height > self.app.size.height:
            self.show_vertical_scrollbar = True  # at once: later it would cost another layout
        if size != self.virtual_size:
            self.virtual_size = size
        last = max(0, self.row_count() - 1)
        if self.cursor > last:
            self.move_to(last)
        self.seen_changed()
        self.repaint_changed()

    def repaint_changed(self) -> None:
        """Repaint the parts of visible rows that have changed."""
        for y in range(self.size.height):
            before = self._painted.get(y)
            if before is None:
                continue
            now = self._cells(y)
            if now != before:
                self._painted[y] = now
                for region in _changed(y, before, now, self.size.width):
                    self.refresh(region)

    def move_to(self, index: int) -> None:
        """Put the cursor on a row and scroll it into view."""
        last = max(0, self.row_count() - 1)
        before, self.cursor = self.cursor, min(max(0, index), last)
        top, page = self.scroll_offset.y, self.page_size
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True)
        elif self.cursor >= top + page:
            self.scroll_to(y=self.cursor - page + 1, animate=False, immediate=True)
        if self.cursor != before:
            self._refresh_row(before)
            self._refresh_row(self.cursor)
            self.post_message(self.Moved())
            self.seen_changed()

    def _refresh_row(self, index: int) -> None:
        y = index - self.scroll_offset.y + 1
        if 1 <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def action_move(self, rows: int) -> None:
        """Move the cursor by rows."""
        self.move_to(self.cursor + rows)

    def action_page(self, pages: float) -> None:
        """Move the cursor by pages."""
        self.move_to(self.cursor + round(pages * self.page_size))

    def action_edge(self, is_end: int) -> None:
        """Move the cursor to the first or the last row."""
        self.move_to(self.row_count() - 1 if is_end else 0)

    def action_choose(self) -> None:
        """Open the row under the cursor; whoever opens it says if there is none."""
        self.post_message(self.Chosen(self))

    def on_click(self, event: events.Click) -> None:
        """Put the cursor at the mouse; a double click opens the row."""
        at = event.get_content_offset(self)
        if at is None:
            return
        index = self.scroll_offset.y + at.y - 1
        if at.y == 0:
            self.header_clicked(at.x)
        elif index < self.row_count():
            self.move_to(index)
            if event.chain == 2:
                self.action_choose()

    def on_resize(self) -> None:
        """Keep the cursor visible after a change of size; everything was painted again with it."""
        self.seen_changed()
        self.move_to(self.cursor)

    def on_focus(self) -> None:
        """Show the cursor with a strong colour."""
        self._refresh_row(self.cursor)

    def on_blur(self) -> None:
        """Show the cursor with a weak colour."""
        self._refresh_row(self.cursor)

    def notify_style_update(self) -> None:
        """Paint everything again in the new theme."""
        super().notify_style_update()
        self._painted.clear()
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """Return one painted line."""
        cells = self._cells(y)
        self._painted[y] = cells
        index = self.scroll_offset.y + y - 1
        base = self.rich_style
        if y == 0:
            base += self._style("header")
        elif index == self.cursor and self.row_count():
            base += self._style("cursor")
            if not self.has_focus:
                base += Style(bold=False, dim=True)
        elif self.is_marked(index):
            base += self._style("marked")
        segments = [Segment(cell.text, self._styled(base, cell)) for cell in cells]
        return Strip(segments).adjust_cell_length(self.size.width, base).simplify()

    def _style(self, name: str) -> Style:
        return self.screen.get_component_rich_style(f"row--{name}", partial=True)

    def _styled(self, base: Style, cell: Cell) -> Style:
        if cell.style:
            base += self._style(cell.style)
        return base + Style(color=cell.colour) if cell.colour else base

    def _cells(self, y: int) -> list[Cell]:
        width = max(1, self.scrollable_content_region.width)
        if y == 0:
            return list(self.header(width))
        index = self.scroll_offset.y + y - 1
        if index < self.row_count():
            return list(self.row(index, width))
        lines = self.empty_text() if not self.row_count() else []
        return [Cell(lines[y - 1], "dim")] if y - 1 < len(lines) else []


def _changed(y: int, before: list[Cell], now: list[Cell], width: int) -> list[Region]:
    """Return the regions that differ between two lines of cells, to save bytes on a slow line."""
    widths = [cells.columns(cell.text) for cell in now]
    if [cells.columns(cell.text) for cell in before] != widths:
        return [Region(0, y, width, 1)]
    regions, x = [], 0
    for old, new, columns in zip(before, now, widths, strict=True):
        if old != new:
            regions.append(Region(x, y, columns, 1))
        x += columns
    return regions
