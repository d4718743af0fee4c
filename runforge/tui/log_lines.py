"""The lines of a log on the screen. Keeps the visible ones and some pages around, and may follow the end."""

from __future__ import annotations

from pathlib import Path

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from runforge import cells
from runforge.tui import wrapping
from runforge.tui.background import Read
from runforge.tui.coloured import Line, marked
from runforge.tui.log_page import LogPage, LogSource, Place

_LOOK_SECONDS = 0.5
_DIM = Style(dim=True)


class LogLines(ScrollView, can_focus=True):
    """The lines of a log file, live; it has no keys."""

    DEFAULT_CSS = "LogLines { scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }"

    class Status(Message):
        """The description of the log has changed."""

        def __init__(self, lines: int, size: int, *, follow: bool, note: str) -> None:
            self.lines = lines
            self.size = size
            self.follow = follow
            self.note = note
            super().__init__()

    def __init__(
        self,
        read: Read,
        *,
        id: str,  # noqa: A002 - Textual's name for it
        seconds: float = _LOOK_SECONDS,
    ) -> None:
        super().__init__(id=id)
        self._read = read
        self._seconds = seconds
        self._source: LogSource | None = None
        #: The loaded part of the log; None until something was read.
        self._page: LogPage | None = None
        self._is_fresh = True
        self._follow = True
        self._shift = 0
        self._wanted = ""
        self._match: int | None = None
        self._painted: dict[int, tuple[Line, int]] = {}
        self._is_wrapped = False
        #: The rows of the view while lines are wrapped; None: to be found out.
        self._rows: list[wrapping.Row] | None = None
        self._said: tuple[object, ...] = ()

    def on_mount(self) -> None:
        """Start to look at the file from time to time."""
        self.set_interval(self._seconds, self._look)

    def on_unmount(self) -> None:
        """Close the file."""
        self._let_go()

    def _let_go(self) -> None:
        if self._source is not None:
            self._read(self, self._source.close, _done)
            self._source = None

    def show(self, path: Path | None) -> None:
        """Show another log, or none; the old one stays until the new one is read."""
        self._let_go()
        self._source = LogSource(path) if path is not None else None
        self._follow, self._match, self._shift = True, None, 0
        self._is_fresh = True
        if self._source is None:
            self._page = None
            self.refresh()
        self._ask()

    @property
    def follow(self) -> bool:
        """Whether the view stays at the end."""
        return self._follow

    def announce(self) -> None:
        """Report the state of the log again."""
        self._said = ()
        self._announce()

    def _announce(self) -> None:
        page = self._page
        if page is None or self._is_fresh:
            return
        note = ""
        if not page.is_complete:
            note = f"reading the beginning, {cells.size(page.left)} left"
        elif self._wanted and self._match is not None:
            note = f"'{self._wanted}' in line {self._match + 1:,}; n next, N previous"
        said = (page.count, page.size, self._follow, note)
        if said != self._said:
            self._said = said
            self.post_message(self.Status(said[0], said[1], follow=self._follow, note=note))

    def _look(self) -> None:
        if not self.display or not self.screen.is_current:
            return
        if self.parent is not None and not getattr(self.parent, "display", True):
            return
        self._ask()

    def _place(self) -> Place:
        known = self._page if self._page is not None and not self._is_fresh else None
        page, top, height = known or LogPage(), self.scroll_offset.y, max(1, self.size.height)
        is_short = known is None or not known.covers(top, height)
        return Place(page.generation, page.shifted, top, height, self._follow, is_short)

    def _ask(self) -> None:
        """Request the visible lines."""
        source, place = self._source, self._place()
        if source is not None:
            self._read(self, lambda: source.look(place), lambda page: self._take(source, page), key="lines")

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Scroll, and request the lines that came into view."""
        super().watch_scroll_y(old_value, new_value)
        self._rows = None
        self._ask_if_short()

    def _ask_if_short(self) -> None:
        if self._page is None or not self._page.covers(self.scroll_offset.y, self.size.height):
            self._ask()

    def _take(self, source: LogSource, page: LogPage | None) -> None:
        """Show what was read. If earlier lines were added, the visible lines stay where they are."""
        if page is None or source is not self._source:
            return
        before, self._page = self._page, page
        is_same = before is not None and not self._is_fresh and page.generation == before.generation
        lines = page.shifted - before.shifted if before is not None and is_same else 0
        self._is_fresh = False
        if not is_same:
            self._match = None
            self._painted.clear()
            self.refresh()
        elif self._match is not None:
            self._match += lines
        if lines and not self._follow:
            top = self.scroll_offset.y
            self._set_size()
            self.scroll_to(y=top + lines, animate=False, immediate=True)
        self._grown()

    def _count(self) -> int:
        return self._page.count if self._page else 0

    def _set_size(self) -> None:
        """Tell how far one can scroll: wrapped lines can all be brought to the top."""
        more = self.size.height - 1 if self._is_wrapped else 0
        size = Size(max(1, self.size.width), max(1, self._count() + more))
        if size != self.virtual_size:
            self.virtual_size = size

    def _grown(self) -> None:
        self._rows = None
        self._set_size()
        if self._follow:
            self._scroll_to_end()
        for y, shown in list(self._painted.items()):
            if self._row(y) != shown:
                self.refresh(Region(0, y, self.size.width, 1))
        self._announce()

    def _last_top(self) -> int:
        """Return the first visible line when the end is visible."""
        if self._is_wrapped and (rows := wrapping.up(self._plain, self._count(), self.size)):
            return rows[0].line
        return max(0, self._count() - self.size.height)

    def _scroll_to_end(self) -> None:
        self.scroll_to(y=self._last_top(), animate=False, immediate=True)

    def on_resize(self) -> None:
        """Stay at the end after the change of size."""
        self._painted.clear()
        self.refresh()  # it may have been painted in the new size already, with the lines that it had
        self._grown()
        self._ask_if_short()

    def _line(self, number: int) -> Line:
        line = self._page.line(number) if self._page else Line("")
        return Line("…") if line is None else line

    def _plain(self, number: int) -> str:
        return self._line(number).text

    def _row(self, y: int) -> tuple[Line, int]:
        """Return what a row shows: a line, and its first column that is visible."""
        if not self._is_wrapped:
            return self._line(self.scroll_offset.y + y), self._shift
        if self._rows is None:
            self._rows = (
                wrapping.up(self._plain, self._count(), self.size)
                if self._follow
                else wrapping.down(self._plain, self.scroll_offset.y, self._count(), self.size)
            )
        row = self._rows[y] if y < len(self._rows) else None
        return (self._line(row.line), row.start) if row else (Line(""), 0)

    def render_line(self, y: int) -> Strip:
        """Return one visible line."""
        width, base = self.size.width, self.rich_style
        if not self._count():
            text = "  nothing printed yet" if y == 1 and self._page is not None else ""
            return Strip([Segment(text, base + _DIM)]).adjust_cell_length(width, base)
        line, start = self._painted[y] = self._row(y)
        style = base + _DIM if line.text.startswith("[RF:") else base
        strip = Strip([Segment(text, style + own) for text, own in marked(line, self._wanted)])
        return strip.crop(start, start + width).adjust_cell_length(width, base)


def _done(_nothing: None) -> None:
    """Show nothing: the file was closed."""
