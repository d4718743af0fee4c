"""A screen that is laid out once when it opens, and styled once. Textual would do it five times, and twice.

Each of these repeats asks for what was just done. It depends on how Textual lays out, which is not public: so the
requirement is limited to the current major version, and a test counts.
"""

from __future__ import annotations

import time

from textual import events
from textual.geometry import Size
from textual.messages import Layout
from textual.screen import Screen
from textual.widgets._toast import ToastRack


class OneLayout(Screen[None]):
    """A screen without the repeats."""

    #: Whether it was mounted and not resumed yet, which comes next.
    _is_opening = False
    #: When it was laid out first, and last, by the clock of Textual's messages.
    _first_at = _last_at = 0.0

    def on_mount(self) -> None:
        """Hide the notifications at once: there are none yet, but Textual hides them after the first layout."""
        self._is_opening = True
        for rack in self.query(ToastRack):
            rack.display = False

    def on_screen_resume(self, event: events.ScreenResume) -> None:
        """Keep the styles of a new screen: they were just made."""
        if self._is_opening:
            event.refresh_styles = False
        self._is_opening = False

    async def _on_resize(self, event: events.Resize) -> None:
        """Lay out for a new size. At the start, Textual tells the first one several times."""
        if event.time < self._first_at and event.size == self.size:
            event.stop()
            event.prevent_default()
        elif event.size == self.size:
            self.paint_again()  # meanwhile it was another one: the terminal has cut its lines

    def paint_again(self) -> None:
        """Paint everything, whatever the terminal shows."""
        raise NotImplementedError

    async def _on_layout(self, message: Layout) -> None:
        """Forget what was asked for before the last layout."""
        if message.time < self._last_at:
            message.stop()
            message.prevent_default()

    def _refresh_layout(self, size: Size | None = None, scroll: bool = False) -> None:
        """Lay out. Textual asks again for each widget that was given a size, in case that it scrolls."""
        waiting = {widget for widget in self._compositor.full_map if widget._layout_required}  # noqa: SLF001
        super()._refresh_layout(size, scroll)
        if scroll or not self.size:  # then not everything was laid out
            return
        self._layout_required, self._last_at = False, time.monotonic()
        self._first_at = self._first_at or self._last_at
        for widget in (
            self._compositor.full_map.keys() - waiting
        ):  # those have changed, and are not in this layout yet
            if widget.styles.overflow_x == widget.styles.overflow_y == "hidden":
                widget._layout_required = False  # noqa: SLF001 - Textual's own mark
