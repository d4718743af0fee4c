"""A log on the screen with its keys: follows its end, scrolls, wraps, searches."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, TypeAlias

from textual.binding import Binding, BindingType
from textual.message import Message

from runforge.tui.log_lines import LogLines
from runforge.tui.log_page import LogPage, LogSource

#: The lines around a line that was found, and which it is.
_Found: TypeAlias = "tuple[LogPage | None, int | None]"
_WIDEST = 16 * 1024


class LogView(LogLines):
    """The lines of a log file, live, with the keys to read them."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll(1)", "Down", show=False),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("ctrl+d", "page(0.5)", "Half a page down", show=False),
        Binding("ctrl+u", "page(-0.5)", "Half a page up", show=False),
        Binding("home,g", "top", "Beginning", show=False),
        Binding("end,G", "bottom", "End, and follow", show=False),
        Binding("left", "sideways(-20)", "Left", show=False),
        Binding("right", "sideways(20)", "Right", show=False),
        Binding("f", "toggle_follow", "Follow the end", show=False),
        Binding("W", "wrap", "Wrap long lines, or cut them", show=False),
        Binding("n", "next_match(1)", "Next match", show=False),
        Binding("N", "next_match(-1)", "Previous match", show=False),
    ]

    class Wrapped(Message):
        """The user wants long lines wrapped, or cut."""

        def __init__(self, *, is_wrapped: bool) -> None:
            self.is_wrapped = is_wrapped
            super().__init__()

    def _set_follow(self, *, follow: bool) -> None:
        self._follow = follow
        if follow:
            self._scroll_to_end()
        self._announce()

    def _scroll_lines(self, lines: int) -> None:
        last = self._last_top()
        target = min(last, max(0, self.scroll_offset.y + lines))
        self._follow, self._rows = target >= last and lines > 0, None
        self.scroll_to(y=target, animate=False, immediate=True)
        self._announce()

    def action_scroll(self, lines: int) -> None:
        """Scroll by lines; scrolling up stops following."""
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

    def action_wrap(self) -> None:
        """Wrap long lines, or cut them at the edge."""
        self.set_wrapped(is_wrapped=not self._is_wrapped)
        self.post_message(self.Wrapped(is_wrapped=self._is_wrapped))

    def set_wrapped(self, *, is_wrapped: bool) -> None:
        """Wrap long lines, or not."""
        self._is_wrapped, self._shift = is_wrapped, 0
        self._painted.clear()
        self._grown()
        self.refresh()

    def action_sideways(self, columns: int) -> None:
        """Scroll sideways in long lines."""
        self._shift = min(_WIDEST, max(0, self._shift + columns))
        self._painted.clear()
        self.refresh()

    def on_mouse_scroll_up(self) -> None:
        """Stop following, because the user scrolls back."""
        self._follow = False
        self._announce()

    def search(self, text: str, missed: Callable[[], object]) -> None:
        """Go to the last line with the text, searching upwards from the last visible line."""
        self._wanted = text
        self._match = None
        start = min(self._count(), self.scroll_offset.y + self.size.height) - 1
        place = self._place()
        self._find(lambda source: source.find(text, start, place, backwards=True), missed)

    def action_next_match(self, by: int) -> None:
        """Go to the next or previous line that was searched for."""
        wanted, place = self._wanted, self._place()
        if wanted:
            self._find(lambda source: source.find_next(wanted, by, place))

    def _find(self, work: Callable[[LogSource], _Found], missed: Callable[[], object] | None = None) -> None:
        source, wanted = self._source, self._wanted
        if source is None:
            return

        def found(answer: _Found) -> None:
            if source is self._source and wanted == self._wanted:
                self._take(source, answer[0])
                self._go_to(answer[1])
                if answer[1] is None and missed is not None:
                    missed()

        self._read(self, lambda: work(source), found)

    def _go_to(self, line: int | None) -> None:
        self._match = line
        self._painted.clear()
        self.refresh()
        if line is not None:
            self._follow = False
            self._set_size()
            top = self.scroll_offset.y
            if not top <= line < top + self.size.height:
                self.scroll_to(y=max(0, line - self.size.height // 2), animate=False, immediate=True)
        self._announce()
