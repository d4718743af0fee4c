"""Curves in braille: eight dots a cell, axes with round numbers, log scale, zoom.

We did not use textual-plot: it redraws a whole canvas of styled cells and imports NumPy and a canvas library
into the process. The two hundred lines here draw only what a run reports.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from runforge import cells
from runforge.text import safe
from runforge.tui import thinning

#: Distinguishable with 16 colours; without colours the marks distinguish them.
_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "red")
_MARKS = "●◆■▲▼○"
_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))
_BRAILLE = 0x2800
_LABEL = 9
_ZOOM = 0.6
#: Values closer together than this count as equal.
_TINY = 1e-290
_DIM = Style(dim=True)


@dataclass(frozen=True, slots=True)
class Series:
    """One curve, or a set of points."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    kind: Literal["line", "points"] = "line"


@dataclass(frozen=True, slots=True)
class Range:
    """A range of an axis."""

    low: float
    high: float

    @property
    def span(self) -> float:
        """Its length, never zero."""
        return (self.high - self.low) or 1.0


class Canvas:
    """Dots in character cells; a cell has the colour of the last series in it."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self._dots = [[0] * width for _ in range(height)]
        self._owner = [[0] * width for _ in range(height)]
        self._marks: dict[tuple[int, int], str] = {}

    def dot(self, x: int, y: int, owner: int) -> None:
        """Set a dot, counted from the top left; a cell has two dots across and four down."""
        column, line = x >> 1, y >> 2
        if 0 <= column < self.width and 0 <= line < self.height:
            self._dots[line][column] |= _DOTS[y & 3][x & 1]
            self._owner[line][column] = owner

    def mark(self, x: int, y: int, owner: int) -> None:
        """Fill the cell of a dot with the series' mark: a single dot is hard to see."""
        self._marks[y >> 2, x >> 1] = _MARKS[owner % 6]
        self.dot(x, y, owner)

    def column(self, x: int, low: int, high: int, owner: int) -> None:
        """Set all dots of a column between two heights."""
        for y in range(max(0, min(low, high)), min(self.height * 4 - 1, max(low, high)) + 1):
            self.dot(x, y, owner)

    def line(self, index: int) -> list[tuple[str, int]]:
        """Return a line as pieces of text, each with its series."""
        pieces: list[tuple[str, int]] = []
        for column, (dots, owner) in enumerate(zip(self._dots[index], self._owner[index], strict=True)):
            shown = self._marks.get((index, column)) or (chr(_BRAILLE + dots) if dots else " ")
            if pieces and pieces[-1][1] == owner:
                pieces[-1] = (pieces[-1][0] + shown, owner)
            else:
                pieces.append((shown, owner))
        return pieces


class Plot(Widget, can_focus=True):
    """Series over a common x axis."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "log_scale", "Log scale", show=False),
        Binding("plus,equals_sign", "zoom(1)", "Zoom in", show=False),
        Binding("minus", "zoom(-1)", "Zoom out", show=False),
        Binding("left,h", "pan(-1)", "Left", show=False),
        Binding("right", "pan(1)", "Right", show=False),
        Binding("0", "whole", "All of it", show=False),
    ]
    DEFAULT_CSS = "Plot { height: 1fr; }"

    log_y: reactive[bool] = reactive(False)

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._series: list[Series] = []
        self._points: list[thinning.Points] = []
        self._labels = ("", "", "")
        self._zoom: Range | None = None
        self._lines: list[list[Segment]] | None = None

    def show(self, series: Sequence[Series], *, x_label: str, y_label: str, title: str = "") -> None:
        """Draw other series."""
        self._series = [s for s in series if len(s.xs)]
        # A copy: curves grow, and may lose points, while they are shown.
        self._points = [thinning.prepared(s.xs, s.ys) for s in self._series]
        self._labels = (safe(x_label, 60), safe(y_label, 60), safe(title, 60))
        self._redraw()

    def _redraw(self) -> None:
        self._lines = None
        self.refresh()

    def watch_log_y(self) -> None:
        """Draw with the other scale."""
        self._redraw()

    def on_resize(self) -> None:
        """Draw in the new size."""
        self._redraw()

    def action_log_scale(self) -> None:
        """Draw the values on a logarithmic scale, or a linear one."""
        self.log_y = not self.log_y

    def action_zoom(self, by: int) -> None:
        """Show a shorter or longer range of the x axis."""
        whole = self._x_range()
        now = self._zoom or whole
        middle, half = (now.low + now.high) / 2, now.span / 2 * (_ZOOM if by > 0 else 1 / _ZOOM)
        zoomed = Range(max(whole.low, middle - half), min(whole.high, middle + half))
        self._zoom = None if zoomed == whole else zoomed
        self._redraw()

    def action_pan(self, by: int) -> None:
        """Move the zoomed range."""
        if self._zoom is None:
            return
        whole, now = self._x_range(), self._zoom
        shift = min(whole.high - now.high, max(whole.low - now.low, by * now.span / 4))
        self._zoom = Range(now.low + shift, now.high + shift)
        self._redraw()

    def action_whole(self) -> None:
        """Show everything again."""
        self._zoom = None
        self._redraw()

    def render_line(self, y: int) -> Strip:
        """Return one line of the drawing."""
        if self._lines is None:
            self._lines = self._draw(self.size.width, self.size.height)
        segments = self._lines[y] if y < len(self._lines) else []
        base = self.rich_style
        styled = [Segment(s.text, base + (s.style or Style())) for s in segments]
        return Strip(styled).adjust_cell_length(self.size.width, base)

    def _x_range(self) -> Range:
        filled = [xs for xs, _ in self._points if xs]
        return Range(min(xs[0] for xs in filled), max(xs[-1] for xs in filled)) if filled else Range(0.0, 1.0)

    def _scaled(self, number: int, x_range: Range, columns: int) -> list[tuple[float, float]]:
        """Return the points to draw: inside the zoom, above zero on a log scale, no more than visible."""
        low, high = x_range.low, x_range.high
        points = thinning.positive(self._points[number]) if self.log_y else self._points[number]
        if self._series[number].kind == "points":
            found = thinning.between(points, low, high)
        else:
            found = thinning.thinned(points, low, high, 2 * columns)
        return [(x, math.log10(y)) for x, y in found] if self.log_y else found

    def _draw(self, width: int, height: int) -> list[list[Segment]]:
        legend = self._legend(width)
        rows, columns = height - 2 - len(legend), width - _LABEL - 1
        if not self._series:
            return [[], [Segment("  no metrics yet", _DIM)]]
        if rows < 2 or columns < 4:
            return [[Segment("too small", _DIM)]]
        x_range = self._zoom or self._x_range()
        scaled = [self._scaled(number, x_range, columns) for number in range(len(self._series))]
        ys = [y for points in scaled for _, y in points]
        if not ys:
            text = "no values above zero: l for a linear scale" if self.log_y else "nothing in this range"
            return [[], [Segment(f"  {text}", _DIM)]]
        y_range = _widened(Range(min(ys), max(ys)))
        if any(series.kind == "points" for series in self._series):
            x_range, y_range = _with_margin(x_range), _with_margin(y_range)
        canvas = Canvas(columns, rows)
        for owner, (series, points) in enumerate(zip(self._series, scaled, strict=True)):
            _trace(canvas, points, (x_range, y_range), owner, is_line=series.kind == "line")
        return [*legend, *self._framed(canvas, x_range, y_range)]

    def _legend(self, width: int) -> list[list[Segment]]:
        scale = " (log)" if self.log_y else ""
        pieces = [Segment(f" {self._labels[1]}{scale}  {self._labels[2]} ".rstrip() + " ", Style(bold=True))]
        used = cells.columns(pieces[0].text)
        if len(self._series) > 1:
            for owner, series in enumerate(self._series):
                text = f" {_MARKS[owner % 6]} {safe(series.name, 24)}"
                if used + cells.columns(text) > width:
                    break
                used += cells.columns(text)
                pieces.append(Segment(text, Style(color=_COLOURS[owner % 6])))
        return [pieces]

    def _framed(self, canvas: Canvas, x_range: Range, y_range: Range) -> list[list[Segment]]:
        ticks = self._y_ticks(y_range, canvas.height)
        lines = []
        for index in range(canvas.height):
            label = ticks.get(index, "")
            line = [Segment(f"{label:>{_LABEL}}│", _DIM)]
            for text, owner in canvas.line(index):
                line.append(Segment(text, Style(color=_COLOURS[owner % 6])))
            lines.append(line)
        lines.append([Segment(" " * _LABEL + "└" + "─" * canvas.width, _DIM)])
        low, high = _short(x_range.low), _short(x_range.high)
        room = canvas.width - len(low) - len(high)
        middle = cells.cut(self._labels[0], max(0, room - 2)).center(max(0, room))
        lines.append([Segment(" " * (_LABEL + 1) + low + middle + high, _DIM)])
        return lines

    def _y_ticks(self, y_range: Range, height: int) -> dict[int, str]:
        count = max(2, min(6, height // 3))
        ticks = {}
        for value in _round_values(y_range, count):
            line = round((y_range.high - value) / y_range.span * (height - 1))
            if 0 <= line < height:
                ticks[line] = _power(value) if self.log_y else _short(value)
        return ticks


def _widened(found: Range) -> Range:
    if found.high - found.low > _TINY:
        return found
    margin = abs(found.low) * 0.1 or 1.0
    return Range(found.low - margin, found.high + margin)


def _with_margin(found: Range) -> Range:
    """Return a slightly larger range, so that no point is on the edge."""
    return Range(found.low - found.span * 0.04, found.high + found.span * 0.04)


def _trace(
    canvas: Canvas,
    points: list[tuple[float, float]],
    ranges: tuple[Range, Range],
    owner: int,
    *,
    is_line: bool,
) -> None:
    """Draw points; of many in one column of dots, draw a line from the lowest to the highest."""
    x_range, y_range = ranges
    wide, high = canvas.width * 2 - 1, canvas.height * 4 - 1
    extremes: dict[int, tuple[int, int, int]] = {}
    before: tuple[int, int] | None = None
    for x, y in points:
        column = round((x - x_range.low) / x_range.span * wide)
        line = round((y_range.high - y) / y_range.span * high)
        if not is_line:
            canvas.mark(column, line, owner)
            continue
        low, top, _ = extremes.get(column, (line, line, line))
        extremes[column] = (max(low, line), min(top, line), line)
    for column in sorted(extremes):
        low, top, last = extremes[column]
        if before is not None:
            _join(canvas, before, (column, low if before[1] > low else max(top, min(before[1], low))), owner)
        canvas.column(column, low, top, owner)
        before = (column, last)


def _join(canvas: Canvas, start: tuple[int, int], end: tuple[int, int], owner: int) -> None:
    steps = max(abs(end[0] - start[0]), 1)
    height = start[1]
    for step in range(1, steps + 1):
        now = start[1] + round((end[1] - start[1]) * step / steps)
        canvas.column(start[0] + step, height, now, owner)
        height = now


def _round_values(found: Range, count: int) -> list[float]:
    """Return about `count` round numbers inside a range: steps of 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(found.span / count))
    steps = [power * times for times in (0.5, 1, 2, 5, 10)]
    step = min(steps, key=lambda step: abs(found.span / step - count))
    first = math.ceil(found.low / step - 1e-9)
    values = [float(f"{i * step:.12g}") for i in range(first, first + 4 * count)]
    return [value for value in values if value <= found.high + step * 1e-6]


def _power(exponent: float) -> str:
    return _short(10**exponent) if abs(exponent) < 300 else f"1e{exponent:.0f}"


def _short(value: float) -> str:
    if value and (abs(value) >= 1e6 or abs(value) < 1e-3):
        return f"{value:.2g}"
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"
