"""The numbers beside a plot: round values, powers of ten on logarithmic axes, or the names of categories."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence

from runforge import cells
from runforge.tui.canvas import Range

#: Values closer together than this count as equal.
_TINY = 1e-290
#: Positive values that spread over this many times are easier to see on a logarithmic axis.
_DECADES = 100.0
#: Higher powers of ten are no numbers of the machine any more.
_HIGHEST_POWER = 300
#: Room between two labels of the x axis.
_GAP = 2


def spreads_over_decades(values: Sequence[float]) -> bool:
    """Return whether the values are all positive and spread over two decades."""
    return bool(values) and min(values) > 0 and max(values) / min(values) >= _DECADES


def widened(found: Range) -> Range:
    """Return the range, or a larger one if all its values are equal."""
    if found.high - found.low > _TINY:
        return found
    margin = abs(found.low) * 0.1 or 1.0
    return Range(found.low - margin, found.high + margin)


def with_margin(found: Range) -> Range:
    """Return a slightly larger range, so that no point is on the edge."""
    return Range(found.low - found.span * 0.04, found.high + found.span * 0.04)


def tick_values(found: Range, count: int, *, is_log: bool) -> list[float]:
    """Return about `count` values at which an axis has labels; of a logarithmic axis, exponents of ten."""
    if not is_log or abs(found.high) > _HIGHEST_POWER or abs(found.low) > _HIGHEST_POWER:
        return _round_values(found, count)
    powers = range(math.ceil(found.low - 1e-9), math.floor(found.high + 1e-9) + 1)
    if len(powers) > 2:
        step = next(
            step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if len(powers) <= step * max(2, count)
        )
        found_powers = [float(power) for power in powers if power % step == 0]
        return found_powers if len(found_powers) > 1 else [float(powers[0]), float(powers[-1])]
    first = math.floor(found.low)
    digits = [first + more + math.log10(digit) for more in range(3) for digit in (1, 2, 5)]
    shown = [value for value in digits if found.low - 1e-9 <= value <= found.high + 1e-9]
    if len(shown) > 1:
        return shown
    return [math.log10(v) for v in _round_values(Range(10**found.low, 10**found.high), count) if v > 0]


def _round_values(found: Range, count: int) -> list[float]:
    """Return about `count` round numbers inside a range: steps of 1, 2 or 5 times a power of ten."""
    if found.span / count < sys.float_info.min:  # between the smallest numbers there is nothing round
        return [found.low]
    power = 10.0 ** math.floor(math.log10(found.span / count))
    steps = [power * times for times in (0.5, 1, 2, 5, 10)]
    step = min(steps, key=lambda step: abs(found.span / step - count))
    first = math.ceil(found.low / step - 1e-9)
    values = [float(f"{i * step:.12g}") for i in range(first, first + 4 * count)]
    return [value for value in values if value <= found.high + step * 1e-6]


def tick_text(value: float, *, is_log: bool) -> str:
    """Return a value of an axis; of a logarithmic one the power of ten."""
    if not is_log:
        return short(value)
    return short(10**value) if abs(value) < _HIGHEST_POWER else f"1e{value:.0f}"


def short(value: float) -> str:
    """Return a number in few characters."""
    if value and (abs(value) >= 1e6 or abs(value) < 1e-3):
        return f"{value:.2g}"
    return f"{value:.4g}" if abs(value) < 10_000 else f"{value:.0f}"


def y_labels(
    found: Range, height: int, categories: Sequence[str] = (), *, is_log: bool, width: int = 9
) -> dict[int, str]:
    """Return the labels of the lines of a canvas, by line."""
    wanted: Iterable[tuple[float, str]] = (
        (value, tick_text(value, is_log=is_log))
        for value in tick_values(found, max(2, min(6, height // 3)), is_log=is_log)
    )
    if categories:
        wanted = ((float(place), cells.cut(name, width)) for place, name in enumerate(categories))
    labels = {}
    for value, text in wanted:
        line = round((found.high - value) / found.span * (height - 1))
        if 0 <= line < height:
            labels[line] = text
    return labels


def x_labels(found: Range, width: int, categories: Sequence[str], *, is_log: bool) -> tuple[str, list[int]]:
    """Return the line of labels below a canvas, and the columns that they belong to."""
    wanted: list[tuple[float, str]]
    if categories:
        room = max(1, width // max(1, len(categories)) - _GAP)
        wanted = [(float(place), cells.cut(name, room)) for place, name in enumerate(categories)]
    else:
        values = tick_values(found, max(2, min(8, width // 12)), is_log=is_log)
        wanted = [(value, tick_text(value, is_log=is_log)) for value in values]
    line, columns = "", []
    for value, text in wanted:
        column = round((value - found.low) / found.span * (width - 1))
        if not 0 <= column < width:
            continue
        taken, wide = cells.columns(line), cells.columns(text)
        start = min(max(0, column - wide // 2), width - wide)
        if start >= taken + (_GAP if line else 0):
            line += " " * (start - taken) + text
            columns.append(column)
    return line + " " * (width - cells.columns(line)), columns
