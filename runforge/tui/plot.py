"""Charts on the screen: one, or many small ones side by side, with a cursor that reads values in all of them.

We did not use textual-plot: it redraws a whole canvas of styled cells and imports NumPy and a canvas library
into the process. This draws only what runs report.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from runforge import cells
from runforge.tui import axes, chart
from runforge.tui.canvas import Range
from runforge.tui.chart import LABEL, Lines, Panel, View
from runforge.tui.chart_grid import Grid, joined, legend_lines, seats

_ZOOM = 0.6
_DIM = Style(dim=True)
#: log y, log x; None: as the points suggest.
_SCALES: tuple[tuple[bool, bool | None], ...] = ((False, None), (True, None), (False, True), (True, True))
#: The keys of a plot that work on its whole screen, for screens with `action_plot`.
PLOT_KEYS: Sequence[BindingType] = (
    Binding("full_stop", "plot('next_panel(1)')", "Next metric"),
    Binding("comma", "plot('next_panel(-1)')", "Previous metric"),
    Binding("L", "plot('log_scale')", "Logarithmic axes: y, x, both, none"),
    Binding("tilde", "plot('smooth')", "Smoother curves, or as they are"),
    Binding("0", "plot('whole')", "All of it, without cursor"),
)
#: The same, where + and - mean nothing else.
ZOOM_KEYS: Sequence[BindingType] = (
    Binding("plus", "plot('zoom(1)')", "Zoom in"),
    Binding("minus", "plot('zoom(-1)')", "Zoom out"),
)


class Plot(Widget, can_focus=True):
    """Charts over a common x axis."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "toggle_single", "One chart, or all of them", show=False),
        Binding("full_stop", "next_panel(1)", "Next metric", show=False),
        Binding("comma", "next_panel(-1)", "Previous metric", show=False),
        Binding("left", "cursor(-1)", "Read values: cursor to the left", show=False),
        Binding("right", "cursor(1)", "Read values: cursor to the right", show=False),
        Binding("shift+left", "cursor(-10)", "Cursor far to the left", show=False),
        Binding("shift+right", "cursor(10)", "Cursor far to the right", show=False),
        Binding("L", "log_scale", "Logarithmic axes: y, x, both, none", show=False),
        Binding("tilde", "smooth", "Smoother curves, or as they are", show=False),
        Binding("plus", "zoom(1)", "Zoom in", show=False),
        Binding("minus", "zoom(-1)", "Zoom out", show=False),
        Binding("less_than_sign", "pan(-1)", "Zoomed: to the left", show=False),
        Binding("greater_than_sign", "pan(1)", "Zoomed: to the right", show=False),
        Binding("0", "whole", "All of it, without cursor", show=False),
    ]
    DEFAULT_CSS = "Plot { height: 1fr; }"

    class Looked(Message):
        """The reader looks at it in another way."""

    def __init__(self, *, id: str | None = None, classes: str = "") -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, classes=classes)
        self._panels: Sequence[Panel] = ()
        self._legend: Sequence[tuple[int, str]] = ()
        self._empty = ""  # nothing is known before something was read
        self._view = View()
        self._current = 0
        self._is_single = False
        self._ahead = 0
        self._lines: Lines | None = None
        self._grid = Grid(1, 1)

    def show(
        self,
        panels: Sequence[Panel],
        *,
        legend: Sequence[tuple[int, str]] = (),
        empty: str = "no metrics yet",
    ) -> None:
        """Draw other charts; the one that is looked at stays the same if it still exists."""
        title = self.current.title if self.current else None
        self._panels = [panel for panel in panels if any(len(s.xs) for s in panel.series)]
        places = [place for place, panel in enumerate(self._panels) if panel.title == title]
        self._current = places[0] if places else 0
        if self._panels:
            self._current = (self._current + self._ahead) % len(self._panels)
            self._ahead = 0
        self._legend, self._empty = legend, empty
        self._redraw()

    @property
    def current(self) -> Panel | None:
        """The chart that is looked at."""
        return self._panels[self._current] if self._current < len(self._panels) else None

    @property
    def view(self) -> View:
        """How the charts are looked at."""
        return self._view

    @property
    def status(self) -> str:
        """What a reader should know: which chart this is, the cursor, the smoothing."""
        count, panel = len(self._panels), self.current
        if panel is None:
            return ""
        parts = [f"{panel.title}: {self._current + 1} of {count}"]
        if self._view.cursor is not None:
            parts.append(f"{panel.x_label} {axes.short(self._view.cursor)}")
        if self._view.smoothing:
            parts.append(f"smoothed {self._view.smoothing:g}")
        return " · ".join(parts)

    @property
    def _shows_one(self) -> bool:
        return self._is_single or self._grid.seats == 1

    def focus_panel(self, title: str) -> None:
        """Look at the chart with this title."""
        for place, panel in enumerate(self._panels):
            if panel.title == title:
                self._look(place, is_single=self._is_single)

    def _look(self, place: int, *, is_single: bool) -> None:
        self._current, self._is_single = place, is_single
        self._changed(self._view)

    def _changed(self, view: View) -> None:
        self._view = view
        self._redraw()
        self.post_message(self.Looked())

    def _redraw(self) -> None:
        self._lines = None
        self.refresh()

    def on_resize(self) -> None:
        """Draw in the new size."""
        self._redraw()

    def on_focus(self) -> None:
        """Show which chart is looked at."""
        self._redraw()

    def on_blur(self) -> None:
        """Show that the keys are for something else."""
        self._redraw()

    def action_toggle_single(self) -> None:
        """Show one chart, or all of them."""
        self._look(self._current, is_single=not self._is_single)

    def action_next_panel(self, by: int) -> None:
        """Look at the next chart; a key typed ahead of the reading counts, too."""
        if not self._panels:
            self._ahead += by
        else:
            self._look((self._current + by) % len(self._panels), is_single=self._is_single)

    def action_log_scale(self) -> None:
        """Use the next choice of logarithmic axes."""
        now = (self._view.log_y, self._view.log_x or None)
        log_y, log_x = _SCALES[(_SCALES.index(now) + 1) % len(_SCALES)] if now in _SCALES else _SCALES[0]
        if self.current is not None and now == _SCALES[-1] and self.current.is_log_x(View()):
            log_x = False  # the axis of itself would be logarithmic: offer the linear one, too
        self._changed(replace(self._view, log_y=log_y, log_x=log_x, zoom=None))

    def action_smooth(self) -> None:
        """Smooth the curves more, or not at all."""
        weights = chart.SMOOTHING
        following = weights[(weights.index(self._view.smoothing) + 1) % len(weights)]
        self._changed(replace(self._view, smoothing=following))

    def action_zoom(self, by: int) -> None:
        """Show a shorter or longer range of the x axis, around the cursor if there is one."""
        if (panel := self.current) is None:
            return
        whole = panel.x_range(self._view)
        now = self._view.zoom or whole
        at = self._scaled_cursor(panel)
        middle = at if at is not None and now.low <= at <= now.high else (now.low + now.high) / 2
        half = now.span / 2 * (_ZOOM if by > 0 else 1 / _ZOOM)
        zoomed = Range(max(whole.low, middle - half), min(whole.high, middle + half))
        self._changed(replace(self._view, zoom=None if zoomed == whole else zoomed))

    def action_pan(self, by: float) -> None:
        """Move the zoomed range."""
        panel, now = self.current, self._view.zoom
        if now is None or panel is None:
            return
        whole = panel.x_range(self._view)
        shift = min(whole.high - now.high, max(whole.low - now.low, by * now.span / 4))
        self._changed(replace(self._view, zoom=Range(now.low + shift, now.high + shift)))

    def action_whole(self) -> None:
        """Show everything again."""
        self._changed(replace(self._view, zoom=None, cursor=None))

    def action_cursor(self, by: int) -> None:
        """Move the cursor; it begins at the end. A zoomed range goes along."""
        if (panel := self.current) is None:
            return
        cursor = panel.moved(self._view, by, self._columns())
        if cursor is None:
            return
        view = replace(self._view, cursor=cursor)
        at, zoom = panel.scaled(cursor, view), view.zoom
        if zoom is not None and at is not None and not zoom.low <= at <= zoom.high:
            shift = at - (zoom.high if at > zoom.high else zoom.low)
            view = replace(view, zoom=Range(zoom.low + shift, zoom.high + shift))
        self._changed(view)

    def _scaled_cursor(self, panel: Panel) -> float | None:
        cursor = self._view.cursor
        return None if cursor is None else panel.scaled(cursor, self._view)

    def _columns(self) -> int:
        """Return the columns of the chart that is looked at."""
        width = self.size.width if self._shows_one else self.size.width // self._grid.across
        return max(2, width - LABEL - 1)

    def on_click(self, event: events.Click) -> None:
        """Put the cursor at the mouse; look at the chart below it."""
        at = event.get_content_offset(self)
        if at is None:
            return
        place, left = self._grid.at(at.x, at.y, self.size.width, self.size.height)
        place = self._current if self._shows_one else place
        if place >= len(self._panels):
            return
        self._current = place
        column = at.x - (0 if self._shows_one else left) - LABEL - 1
        if (cursor := self._panels[place].under(self._view, column, self._columns())) is not None:
            self._view = replace(self._view, cursor=cursor)
        self._changed(self._view)

    def render_line(self, y: int) -> Strip:
        """Return one line of the drawing."""
        if self._lines is None:
            self._lines = self._draw(self.size.width, self.size.height)
        segments = self._lines[y] if y < len(self._lines) else []
        base = self.rich_style
        styled = [Segment(s.text, base + (s.style or Style())) for s in segments]
        return Strip(styled).adjust_cell_length(self.size.width, base)

    def _draw(self, width: int, height: int) -> Lines:
        panel = self.current
        if panel is None:
            return [[], [Segment(cells.cut(f"  {self._empty}", width), _DIM)]]
        legend = legend_lines(self._legend, width, max(1, height // 5)) if height > 8 else []
        self._grid = seats(len(self._panels), width, height - len(legend), top=len(legend))
        if self._shows_one:
            return [*legend, *chart.draw(panel, self._view, width, height - len(legend))]
        first = self._current // self._grid.seats * self._grid.seats
        self._grid = replace(self._grid, first=first)
        shown = self._panels[first : first + self._grid.seats]
        wide, high = width // self._grid.across, (height - len(legend)) // self._grid.down
        drawn = [chart.draw(each, self._view, wide, high) for each in shown]
        if self.has_focus and drawn[self._current - first][0]:
            title = drawn[self._current - first][0]
            title[0] = Segment(title[0].text, Style(bold=True, reverse=True))
        return [*legend, *joined(drawn, self._grid.across, wide, high)]
