"""One chart as lines of styled text: its title with values, the curves, the axes. Pure: it draws what it is given."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Literal

from rich.segment import Segment
from rich.style import Style

from runforge import cells
from runforge.text import safe
from runforge.tui import axes, thinning
from runforge.tui.canvas import NOBODY, Canvas, Range, scatter, trace
from runforge.tui.series_looks import mark, style

LABEL = 9
#: Weights of the past, as TensorBoard has them.
SMOOTHING = (0.0, 0.6, 0.9, 0.98)
_SMOOTHED_POINTS = 5_000
_DIM = Style(dim=True)
_BOLD = Style(bold=True)
_NAME = 40

Lines = list[list[Segment]]


@dataclass(frozen=True, slots=True)
class Series:
    """One curve, or a set of points. `look` is its colour and sign; None: by its place."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    kind: Literal["line", "points"] = "line"
    look: int | None = None
    #: What each of a set of points is.
    labels: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class View:
    """How a reader looks at charts: scales, zoom, cursor, smoothing. The zoom is in units of the scaled axis."""

    log_x: bool | None = None
    log_y: bool = False
    zoom: Range | None = None
    cursor: float | None = None
    smoothing: float = 0.0


@dataclass(frozen=True, eq=False)
class Panel:
    """What one chart shows. Curves may grow while they are shown, so it keeps copies of their points."""

    title: str
    series: Sequence[Series]
    x_label: str = ""
    categories: Sequence[str] = ()
    note: str = ""
    has_legend: bool = True
    #: Whether the axes are logarithmic of themselves; None: as the points suggest.
    log_x: bool | None = None
    log_y: bool = False
    y_categories: Sequence[str] = ()
    _points: list[thinning.Points] = field(default_factory=list)
    _scaled: dict[tuple[int, bool, bool, float], thinning.Points] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._points.extend(thinning.prepared(s.xs, s.ys) for s in self.series)

    def is_log_x(self, view: View) -> bool:
        """Return whether the x axis is logarithmic: as asked, or for points because they spread over decades."""
        if self.categories:
            return False
        if view.log_x is not None:
            return view.log_x
        if self.log_x is not None:
            return self.log_x
        xs = [
            x for s, (xs, _) in zip(self.series, self._points, strict=True) if s.kind == "points" for x in xs
        ]
        return axes.spreads_over_decades(xs)

    def is_log_y(self, view: View) -> bool:
        """Return whether the y axis is logarithmic; where it is so of itself, `L` makes it linear."""
        return not self.y_categories and view.log_y != self.log_y

    @property
    def lines(self) -> int:
        """How many of the series are lines."""
        return sum(series.kind == "line" for series in self.series)

    def look(self, number: int) -> int:
        """Return the colour and sign of a curve."""
        look = self.series[number].look
        return number if look is None else look

    def points(self, number: int, view: View) -> thinning.Points:
        """Return the points of a curve on the scales of the view, smoothed."""
        key = (number, self.is_log_x(view), self.is_log_y(view), view.smoothing)
        found = self._scaled.get(key)
        if found is None:
            _, is_log_x, is_log_y, weight = key
            found = self._points[number]
            if weight and self.series[number].kind == "line":
                found = smoothed(found, weight)
            found = thinning.positive(found) if is_log_y else found
            xs, ys = thinning.swapped(thinning.positive(thinning.swapped(found))) if is_log_x else found
            found = (
                (list(map(math.log10, xs)) if is_log_x else xs),
                (list(map(math.log10, ys)) if is_log_y else ys),
            )
            self._scaled[key] = found
        return found

    def x_range(self, view: View) -> Range:
        """Return the whole range of the x axis, on its scale."""
        if self.categories:
            return Range(0.0, float(len(self.categories) - 1))
        filled = [xs for number in range(len(self.series)) if (xs := self.points(number, view)[0])]
        return Range(min(xs[0] for xs in filled), max(xs[-1] for xs in filled)) if filled else Range(0.0, 1.0)

    def scaled(self, x: float, view: View) -> float | None:
        """Return a value of x on the scale of the axis; None if it has no place there."""
        if not self.is_log_x(view):
            return x
        return math.log10(x) if x > 0 else None

    def _stops(self, columns: int) -> list[float]:
        """Return where a cursor can be: at each point, if they are few or have no line between them."""
        pairs = list(zip(self.series, self._points, strict=True))
        points = [xs for series, (xs, _) in pairs if series.kind == "points"]
        few = [xs for _, (xs, _) in pairs if len(xs) <= columns]
        return sorted({x for xs in points or (few if len(few) == len(pairs) else []) for x in xs})

    def moved(self, view: View, by: int, columns: int) -> float | None:
        """Return the cursor some columns further, or some points further where they are few."""
        if stops := self._stops(columns):
            at = bisect_right(stops, view.cursor) - 1 if view.cursor is not None else len(stops)
            return stops[min(len(stops) - 1, max(0, at + by))]
        shown = view.zoom or self.x_range(view)
        here = self.scaled(view.cursor, view) if view.cursor is not None else None
        column = columns - 1 if here is None else round((here - shown.low) / shown.span * (columns - 1)) + by
        return self.under(view, column, columns)

    def under(self, view: View, column: int, columns: int) -> float | None:
        """Return the value of x at a column of the canvas, inside the data; whole where the steps are whole."""
        whole, shown = self.x_range(view), view.zoom or self.x_range(view)
        x = min(whole.high, max(whole.low, shown.low + column / max(1, columns - 1) * shown.span))
        value = 10**x if self.is_log_x(view) else x
        if stops := self._stops(columns):
            return min(stops, key=lambda stop: abs(stop - value))
        first = next((xs for xs, _ in self._points if xs), [0.5])
        return float(round(value)) if all(float(x).is_integer() for x in (first[0], first[-1])) else value

    def value_at(self, number: int, x: float | None) -> float | None:
        """Return a curve's value at the cursor: that of the last point up to it; without a cursor the last one."""
        xs, ys = self._points[number]
        at = len(xs) if x is None else bisect_right(xs, x)
        return ys[at - 1] if at else None


def smoothed(points: thinning.Points, weight: float) -> thinning.Points:
    """Return the points with each value drawn towards those before it; of very many, every n-th."""
    every = max(1, len(points[0]) // _SMOOTHED_POINTS)
    xs, ys = points[0][::every], points[1][::every]
    kept = weight**every
    sums = accumulate(ys, lambda past, value: past * kept + (1 - kept) * value, initial=0.0)
    # Early values would be drawn towards zero; this corrects it.
    shares = accumulate(ys, lambda past, _: past * kept + (1 - kept), initial=0.0)
    pairs = zip(sums, shares, strict=True)
    next(pairs)
    return xs, [total / share for total, share in pairs]


def draw(panel: Panel, view: View, width: int, height: int) -> Lines:
    """Return a chart in this many columns and lines."""
    title = titled(panel, view, width)
    rows, columns = height - 2 - len(title), width - LABEL - 1
    if rows < 2 or columns < 4:
        return [[Segment(cells.cut("too small", width), _DIM)]]
    whole = panel.x_range(view)
    x_range = view.zoom or whole
    scaled = [_visible(panel, number, view, x_range, columns) for number in range(len(panel.series))]
    ys = [y for points in scaled for _, y in points]
    if not ys:
        if not any(len(s.xs) for s in panel.series):
            why = "no metrics yet"
        else:
            why = (
                "no values above zero: L for linear axes"
                if panel.is_log_y(view) or view.log_x
                else "nothing in this range"
            )
        return [*title, [Segment(cells.cut(f"  {why}", width), _DIM)]]
    bottom, top = (0, len(panel.y_categories) - 1) if panel.y_categories else (min(ys), max(ys))
    y_range = axes.widened(Range(bottom, top))
    if any(series.kind == "points" for series in panel.series):
        x_range, y_range = axes.with_margin(axes.widened(x_range)), axes.with_margin(y_range)
    canvas = _filled(panel, scaled, Canvas(columns, rows), (x_range, y_range))
    if view.cursor is not None:
        canvas.cursor(cursor_column(view.cursor, x_range, columns, is_log=panel.is_log_x(view)))
    return [*title, *_framed(panel, view, canvas, (x_range, y_range))]


def cursor_column(cursor: float, x_range: Range, columns: int, *, is_log: bool) -> int:
    """Return the column of a canvas where a value of x is; -1 if it has none."""
    if is_log and cursor <= 0:
        return -1
    x = math.log10(cursor) if is_log else cursor
    return round((x - x_range.low) / x_range.span * (columns - 1))


def _visible(
    panel: Panel, number: int, view: View, x_range: Range, columns: int
) -> list[tuple[float, float]]:
    points = panel.points(number, view)
    if panel.series[number].kind == "points":
        return thinning.between(points, x_range.low, x_range.high)
    return thinning.thinned(points, x_range.low, x_range.high, 2 * columns)


def _filled(
    panel: Panel, scaled: Sequence[Sequence[tuple[float, float]]], canvas: Canvas, ranges: tuple[Range, Range]
) -> Canvas:
    """Draw the curves, the grey ones first."""
    order = sorted(range(len(scaled)), key=panel.look, reverse=True)
    for number in order:
        if panel.series[number].kind == "points":
            scatter(canvas, scaled[number], ranges, panel.look(number))
        else:
            has_marks = panel.lines > 1
            trace(canvas, scaled[number], ranges, panel.look(number), has_marks=has_marks)
    return canvas


def titled(panel: Panel, view: View, width: int) -> Lines:
    """Return the title: the name, the scales, and values of the curves at the cursor or at their ends."""
    scales = ", ".join(
        name for name, is_on in (("log x", panel.is_log_x(view)), ("log", panel.is_log_y(view))) if is_on
    )
    words = [safe(panel.title, _NAME), f"({scales})" if scales else "", safe(panel.note, 60)]
    pieces = [Segment(cells.cut(f" {' '.join(word for word in words if word)} ", width), _BOLD)]
    room = width - cells.columns(pieces[0].text)
    for number, series in enumerate(panel.series):
        if series.kind == "points":
            pieces.append(Segment(cells.cut(_read_points(panel, series, view), max(0, room - 1))))
            room -= cells.columns(pieces[-1].text)
            continue
        value = panel.value_at(number, view.cursor)
        shown = "" if value is None or (panel.lines > 1 and view.cursor is None) else axes.short(value)
        name = safe(series.name, _NAME) if panel.has_legend and len(panel.series) > 1 else ""
        sign = mark(panel.look(number)) if panel.lines > 1 else ""
        text = " ".join(word for word in (sign, name, shown) if word)
        if not (name or shown) or cells.columns(text) + 1 > room:
            continue
        pieces.append(Segment(f" {text}", style(panel.look(number))))
        room -= cells.columns(text) + 1
    return [pieces]


def _read_points(panel: Panel, series: Series, view: View) -> str:
    """Return what the points at the cursor are."""
    if view.cursor is None:
        return ""
    found = [place for place, x in enumerate(series.xs) if x == view.cursor]
    if not found:
        return ""
    labels = [f"{safe(series.labels[n], _NAME)} " if n < len(series.labels) else "" for n in found]
    x = panel.categories[int(view.cursor)] if panel.categories else axes.short(view.cursor)
    ys = [panel.y_categories[int(y)] if panel.y_categories else axes.short(y) for y in series.ys]
    values = ", ".join(f"{label}{safe(ys[n], _NAME)}" for label, n in zip(labels, found, strict=True))
    return f" {safe(panel.x_label, _NAME)} {safe(x, _NAME)}: {values}"


def _framed(panel: Panel, view: View, canvas: Canvas, ranges: tuple[Range, Range]) -> Lines:
    x_range, y_range = ranges
    labels = axes.y_labels(y_range, canvas.height, panel.y_categories, is_log=panel.is_log_y(view))
    lines: Lines = []
    for index in range(canvas.height):
        label = labels.get(index, "")
        line = [Segment(f"{label:>{LABEL}}{'┤' if label else '│'}", _DIM)]
        line += [Segment(t, _DIM if owner == NOBODY else style(owner)) for t, owner in canvas.line(index)]
        lines.append(line)
    text, columns = axes.x_labels(x_range, canvas.width, panel.categories, is_log=panel.is_log_x(view))
    name = cells.cut(safe(panel.x_label, _NAME), max(0, canvas.width - 4))
    axis = "".join("┬" if column in columns else "─" for column in range(canvas.width))
    if name:
        axis = axis[: canvas.width - cells.columns(name) - 3] + f" {name} ─"
    lines.append([Segment(" " * LABEL + "└" + axis, _DIM)])
    lines.append([Segment(" " * (LABEL + 1) + text, _DIM)])
    return lines
