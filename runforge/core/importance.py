"""How closely a sweep's metric follows each of its parameters, by ranks alone. Pure.

Numbers have Spearman's rank correlation, from -1 to 1: how steadily the metric rises or falls with the parameter. A
best value in the middle shows as about 0. Other values (texts, yes or no, lists) have no order: they have the
correlation ratio of the metric's ranks, from 0 to 1, the square root of the share of their variance that lies between
the values. For two values it is the size of Spearman's.

Both can be large by chance where runs are few, so it is said which are: those that one sweep in twenty would show for a
parameter that means nothing (for the ratio that is the test of Kruskal and Wallis).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

#: How it was measured.
RANK, RATIO = "rank", "ratio"
#: Fewer runs say nothing.
LEAST_RUNS = 5
#: Below this a normal variable stays in 19 of 20 cases; its square does so on both sides.
_NORMAL_95 = 1.6448536269514722
_CHI_95_OF_ONE = 3.841458820694124
#: Larger numbers have no place on an axis.
_HIGHEST = 1e300


class Importance(NamedTuple):
    """What is known of one parameter."""

    path: str
    #: Over how many runs.
    runs: int
    #: `rank` or `ratio`; None if there is no value.
    kind: str | None = None
    value: float | None = None
    #: Whether a parameter that means nothing would often have as large a value.
    may_be_chance: bool = False
    #: How many different values the runs have.
    values: int = 0
    #: Why it has no value.
    why_none: str = ""


def strongest_first(
    runs: Sequence[tuple[Mapping[str, Any], float]], paths: Iterable[str]
) -> list[Importance]:
    """Return what is known of each parameter over runs, each with its parameters and its metric (finite).

    Those that are no chance come first, those without a value last.
    """
    ranked = ranks([y for _, y in runs])  # most parameters are in all runs
    found = []
    for path in paths:
        pairs = [(given[path], y) for given, y in runs if path in given]
        ys = ranked if len(pairs) == len(runs) else ranks([y for _, y in pairs])
        found.append(_of_one(path, [value for value, _ in pairs], ys))
    return sorted(found, key=lambda each: (each.value is None, each.may_be_chance, -abs(each.value or 0.0)))


def _of_one(path: str, given: Sequence[Any], ys: Sequence[float]) -> Importance:
    """Return what is known of a parameter with these values, and the ranks of the metric."""
    count = len(given)
    is_ordered = all(map(is_number, given))
    names = given if is_ordered else [json.dumps(value, sort_keys=True) for value in given]
    values = len(set(names))
    nothing = Importance(path, count, values=values)
    if count < LEAST_RUNS:
        return nothing._replace(why_none=f"too few runs: {count} of at least {LEAST_RUNS}")
    if values == 1:
        return nothing._replace(why_none="all runs have one value")
    if len(set(ys)) == 1:
        return nothing._replace(why_none="the metric is the same in all runs")
    if is_ordered:
        value = correlation(ranks(given), ys)
        return nothing._replace(kind=RANK, value=value, may_be_chance=_is_chance(value, count, 1))
    if values == count:
        return nothing._replace(why_none="each run has another value, and they have no order")
    ratio = correlation_ratio(names, ys)
    return nothing._replace(kind=RATIO, value=ratio, may_be_chance=_is_chance(ratio, count, values - 1))


def is_number(value: Any) -> bool:
    """Return whether a parameter's value has a place on an axis."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _HIGHEST


def ranks(values: Sequence[float]) -> list[float]:
    """Return the place of each value in their order, from 1; equal ones have the mean of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    found = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start + 1
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            found[place] = (start + 1 + end) / 2
        start = end
    return found


def correlation(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Return Pearson's correlation of two lists, of which neither is constant; of ranks it is Spearman's."""
    x_mean, y_mean = math.fsum(xs) / len(xs), math.fsum(ys) / len(ys)
    both = math.fsum((x - x_mean) * (y - y_mean) for x, y in zip(xs, ys, strict=True))
    return max(-1.0, min(1.0, both / math.sqrt(_spread(xs, x_mean) * _spread(ys, y_mean))))


def correlation_ratio(names: Sequence[str], ys: Sequence[float]) -> float:
    """Return the square root of the share of the variance of `ys`, not constant, that lies between the names."""
    parts: dict[str, list[float]] = {}
    for name, y in zip(names, ys, strict=True):
        parts.setdefault(name, []).append(y)
    mean = math.fsum(ys) / len(ys)
    between = math.fsum(len(part) * (math.fsum(part) / len(part) - mean) ** 2 for part in parts.values())
    return math.sqrt(min(1.0, between / _spread(ys, mean)))


def _spread(values: Sequence[float], mean: float) -> float:
    return math.fsum((value - mean) ** 2 for value in values)


def _is_chance(value: float, count: int, freedom: int) -> bool:
    return value * value * (count - 1) < chi_95(freedom)


def chi_95(freedom: int) -> float:
    """Return below what chi-square with so many degrees of freedom stays in 19 of 20 cases, within 1 %."""
    if freedom == 1:
        return _CHI_95_OF_ONE
    part = 2 / (9 * freedom)  # Wilson and Hilferty
    return float(freedom * (1 - part + _NORMAL_95 * math.sqrt(part)) ** 3)
