"""Reduces a hundred thousand points to those that a plot needs, in a few milliseconds.

Everything that touches each point runs inside `map`, `min`, `max` and `sorted`.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import islice
from math import isfinite
from operator import gt, itemgetter

#: The difference of two numbers up to this one is still finite.
HUGE = 1e300

Points = tuple[list[float], list[float]]


def prepared(xs: Sequence[float], ys: Sequence[float]) -> Points:
    """Return a copy in the order of x, without NaN and without too large numbers."""
    points = list(xs), list(ys)
    if not (all(map(isfinite, points[0])) and all(map(isfinite, points[1]))):
        points = _unzipped([(x, y) for x, y in zip(*points, strict=False) if isfinite(x) and isfinite(y)])
    if any(map(gt, points[0], islice(points[0], 1, None))):
        points = _unzipped(sorted(zip(*points, strict=False), key=itemgetter(0)))
    return _held(points[0]), _held(points[1])


def positive(points: Points) -> Points:
    """Return the points above zero."""
    if not points[1] or min(points[1]) > 0:
        return points
    return _unzipped([(x, y) for x, y in zip(*points, strict=False) if y > 0])


def swapped(points: Points) -> Points:
    """Return the points with x and y exchanged."""
    return points[1], points[0]


def between(points: Points, low: float, high: float) -> list[tuple[float, float]]:
    """Return the points with x in a range."""
    part = slice(bisect_left(points[0], low), bisect_right(points[0], high))
    return list(zip(points[0][part], points[1][part], strict=False))


def thinned(points: Points, low: float, high: float, columns: int) -> list[tuple[float, float]]:
    """Return the points with x in a range; of many in a column the first, lowest, highest and last.

    x is rounded to columns; the middle of the first and of the last column is at the edge.
    """
    xs, ys = points
    at, end = bisect_left(xs, low), bisect_right(xs, high)
    if end - at <= 4 * columns:
        return between(points, low, high)
    kept = []
    for column in range(columns):
        edge = low + (high - low) * (column + 0.5) / max(1, columns - 1)
        until = end if column == columns - 1 else bisect_left(xs, edge, at, end)
        if until > at:
            piece, x = ys[at:until], xs[at]
            kept += [(x, piece[0]), (x, min(piece)), (x, max(piece)), (xs[until - 1], piece[-1])]
            at = until
    return kept


def _unzipped(pairs: Sequence[tuple[float, float]]) -> Points:
    return [x for x, _ in pairs], [y for _, y in pairs]


def _held(values: list[float]) -> list[float]:
    if not values or (max(values) <= HUGE and min(values) >= -HUGE):
        return values
    return [max(-HUGE, min(HUGE, value)) for value in values]
