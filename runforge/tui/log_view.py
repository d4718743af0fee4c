"""A log on the screen: follows its end, scrolls back, finds; holds no more than the visible lines."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from runforge import cells
from runforge.views.log_file import LogFile

_LOOK_SECONDS = 0.5
_WIDEST = 16 * 1024
_DIM = Style(dim=True)
_FOUND = Style(reverse=True)


class LogView(ScrollView, can_focus=True):
    """The lines of a log file, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,space", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False),
        Binding("home,g", "top", "Beginning", show=False),
        Binding("end,G", "bottom", "End, and follow", show=False),
        Binding("left,h", "sideways(-20)", "Left", show=False),
        Binding("right", "sideways(20)", "Right", show=False),
        Binding("f", "toggle_follow", "Follow the end", show=False),
        Binding("n", "next_match(1)", "Next match", show=False),
        Binding("N", "next_match(-1)", "Previous match", show=False),
    ]
    DEFAULT_CSS = "LogView { scrollbar-size-vertical: 1; scrollbar-size-horizontal: 0; overflow-x: hidden; }"

    class Status(Message):
        """What can be said about the log has changed."""

        def __init__(self, lines: int, size: int, *, follow: bool, note: str) -> None:
            self.lines = lines
            self.size = size
            self.follow = follow
            self.note = note
            super().__init__()

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._log: LogFile | None = None
        self._follow = True
        self._shift = 0
        self._wanted = ""
        self._match: int | None = None
        self._generation = self._earlier = 0
        self._painted: dict[int, str] = {}
        self._said: tuple[object, ...] = ()

    def on_mount(self) -> None:
        """Look at the file from time to time."""
        self.set_interval(_LOOK_SECONDS, self._look)

    def on_unmount(self) -> None:
        """Let the file go."""
        if self._log is not None:
            self._log.close()
            self._log = None

    def show(self, path: Path | None) -> None:
        """Show another log, or none."""
        if self._log is not None:
            self._log.close()
        self._log = LogFile(path) if path is not None else None
        self._follow, self._match, self._shift = True, None, 0
        self._generation = self._earlier = 0
        if self._log is not None:
            self._log.refresh()
            self._keep_place(self._log)
            self._grown()
        self.refresh()

    @property
    def follow(self) -> bool:
        """Whether the view stays at the end."""
        return self._follow

    def announce(self) -> None:
        """Say again how the log stands."""
        self._said = ()
        self._announce()

    def _announce(self) -> None:
        if self._log is None:
            return
        note = ""
        if not self._log.is_complete:
            note = f"reading the beginning, {cells.size(self._log.offset)} left"
        elif self._wanted and self._match is not None:
            note = f"'{self._wanted}' in line {self._match + 1:,}; n next, N previous"
        said = (self._log.line_count, self._log.size, self._follow, note)
        if said != self._said:
            self._said = said
            self.post_message(self.Status(said[0], said[1], follow=self._follow, note=note))

    def _look(self) -> None:
        if self._log is None or not self.display or not self.screen.is_current:
            return
        if self.parent is not None and not getattr(self.parent, "display", True):
            return
        if self._log.refresh():
            self._keep_place(self._log)
            self._grown()

    def _keep_place(self, log: LogFile) -> None:
        """Earlier lines may have come in: what is on the screen stays where it is."""
        if log.generation != self._generation:
            self._generation, self._earlier, self._match = log.generation, log.shifted, None
        lines, self._earlier = log.shifted - self._earlier, log.shifted
        if self._match is not None:
            self._match += lines
        if lines and not self._follow:
            top = self.scroll_offset.y
            self.virtual_size = Size(max(1, self.size.width), max(1, self._count()))
            self.scroll_to(y=top + lines, animate=False)

    def _count(self) -> int:
        return self._log.line_count if self._log else 0

    def _grown(self) -> None:
        size = Size(max(1, self.size.width), max(1, self._count()))
        if size != self.virtual_size:
            self.virtual_size = size
        if self._follow:
            self._scroll_to_end()
        for y, text in list(self._painted.items()):
            if self._text(self.scroll_offset.y + y) != text:
                self.refresh(Region(0, y, self.size.width, 1))
        self._announce()

    def _scroll_to_end(self) -> None:
        self.scroll_to(y=max(0, self._count() - self.size.height), animate=False)

    def on_resize(self) -> None:
        """Stay at the end in the new size."""
        self._painted.clear()
        self._grown()

    def _set_follow(self, *, follow: bool) -> None:
        self._follow = follow
        if follow:
            self._scroll_to_end()
        self._announce()

    def _scroll_lines(self, lines: int) -> None:
        last = max(0, self._count() - self.size.height)
        target = min(last, max(0, self.scroll_offset.y + lines))
        self._follow = target >= last and lines > 0
        self.scroll_to(y=target, animate=False)
        self._announce()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines; upwards ends the following."""
        self._scroll_lines(lines)

    def action_page(self, pages: float) -> None:
        """Scroll by pages."""
        self._scroll_lines(round(pages * max(1, self.size.height - 1)))

    def action_top(self) -> None:
        """Go to the beginning."""
        self._scroll_lines(-self._count())

    def action_bottom(self) -> None:
        """Go to the end and follow it."""
        self._set_follow(follow=True)

    def action_toggle_follow(self) -> None:
        """Follow the end, or stop following."""
        self._set_follow(follow=not self._follow)

    def action_sideways(self, columns: int) -> None:
        """Show what is further right or left in long lines."""
        self._shift = min(_WIDEST, max(0, self._shift + columns))
        self._painted.clear()
        self.refresh()

    def on_mouse_scroll_up(self) -> None:
        """Stop following: the user reads back."""
        self._follow = False
        self._announce()

    def search(self, text: str) -> bool:
        """Go to the last line with the text, looking upwards from the end of what is visible."""
        self._wanted = text
        self._match = None
        start = min(self._count(), self.scroll_offset.y + self.size.height) - 1
        return self._go_to(self._find(start, backwards=True))

    def _find(self, start: int, *, backwards: bool) -> int | None:
        if self._log is None:
            return None
        found = self._log.find(self._wanted, start, backwards=backwards)
        if found is None:  # around the end
            found = self._log.find(self._wanted, self._count() - 1 if backwards else 0, backwards=backwards)
        self._keep_place(self._log)
        return found

    def action_next_match(self, by: int) -> None:
        """Go to the next or previous line that was searched for."""
        if not self._wanted:
            return
        base = self.scroll_offset.y if self._match is None else self._match
        self._go_to(self._find(base + by, backwards=by < 0))

    def _go_to(self, line: int | None) -> bool:
        self._match = line
        self._painted.clear()
        self.refresh()
        if line is not None:
            self._follow = False
            self.virtual_size = Size(max(1, self.size.width), max(1, self._count()))
            top = self.scroll_offset.y
            if not top <= line < top + self.size.height:
                self.scroll_to(y=max(0, line - self.size.height // 2), animate=False)
        self._announce()
        return line is not None

    def _text(self, line: int) -> str:
        return self._log.line(line).expandtabs(4) if self._log else ""

    def render_line(self, y: int) -> Strip:
        """Return one visible line."""
        width, base = self.size.width, self.rich_style
        if not self._count():
            text = "  nothing printed yet" if y == 1 else ""
            return Strip([Segment(text, base + _DIM)]).adjust_cell_length(width, base)
        index = self.scroll_offset.y + y
        text = self._text(index)
        self._painted[y] = text
        style = base + _DIM if text.startswith("[RF:") else base
        strip = Strip(self._marked(text, style))
        return strip.crop(self._shift, self._shift + width).adjust_cell_length(width, base)

    def _marked(self, text: str, style: Style) -> list[Segment]:
        wanted = self._wanted.lower()
        if not wanted or wanted not in text.lower():
            return [Segment(text, style)]
        segments, lowered, at = [], text.lower(), 0
        while (found := lowered.find(wanted, at)) >= 0:
            segments += [
                Segment(text[at:found], style),
                Segment(text[found : found + len(wanted)], style + _FOUND),
            ]
            at = found + len(wanted)
        return [*segments, Segment(text[at:], style)]
