"""The space of a sweep: intervals and lists of values, what is drawn from it by number, and what lies in it. Pure.

A draw depends on the seed, its number and the name of each parameter, on nothing else: not on the order of the
parameters, nor on what was drawn before.
"""

from __future__ import annotations

import math

from runforge import light_json
from runforge.later import random
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    _Values = dict[str, Any]

#: After so many draws in a row that were all made already, the space counts as exhausted.
MOST_REPEATS = 20
#: Digits of a drawn number: more would only make names and commands long.
_DIGITS = 6


class Dimension(NamedTuple):
    """One parameter: an interval with both ends included, of whole numbers if both are whole; or a list of values."""

    path: str
    low: float | None = None
    high: float | None = None
    is_log: bool = False
    values: tuple[Any, ...] = ()

    @property
    def is_interval(self) -> bool:
        """Whether it is no list of values."""
        return self.low is not None

    @property
    def is_whole(self) -> bool:
        """Whether it has whole numbers only."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    def document(self) -> dict[str, Any]:
        """Return it as a plan and the journal have it."""
        if not self.is_interval:
            return {"path": self.path, "values": list(self.values)}
        scale = {"scale": "log"} if self.is_log else {}
        return {"path": self.path, "low": self.low, "high": self.high, **scale}

    def draw(self, chance: float) -> Any:
        """Return the value at a place from 0 to below 1."""
        if self.low is None or self.high is None:
            return self.values[int(chance * len(self.values))]
        if self.is_whole:
            return self._whole(chance)
        if self.is_log:
            low, high = math.log(self.low), math.log(self.high)
            return self.tidied(math.exp(low + chance * (high - low)))
        return self.tidied(self.low + chance * (self.high - self.low))

    def _whole(self, chance: float) -> int:
        low, high = int(self.low or 0), int(self.high or 0)
        if not self.is_log:
            return min(high, low + int(chance * (high - low + 1)))
        first, last = math.log(low - 0.5), math.log(high + 0.5)
        return max(low, min(high, round(math.exp(first + chance * (last - first)))))

    def tidied(self, value: float) -> float:
        """Return a number with few digits that still lies in the interval."""
        short = float(f"{value:.{_DIGITS}g}")
        return max(float(self.low or 0), min(float(self.high or 0), short))

    def place(self, value: Any) -> Any:
        """Return a number as it is, of a listed value its place in the list."""
        if self.is_interval:
            return value
        return next(place for place, each in enumerate(self.values) if _same(value, each))

    def contains(self, value: Any) -> bool:
        """Return whether a value is one of these."""
        if self.low is None or self.high is None:
            return any(_same(value, each) for each in self.values)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return False
        return (isinstance(value, int) or not self.is_whole) and self.low <= value <= self.high


class Drawn(NamedTuple):
    """What was drawn, each once; the number of the next draw; and whether nothing else is left."""

    runs: list[_Values]
    asked: int
    is_exhausted: bool


def from_document(document: Sequence[Mapping[str, Any]]) -> tuple[Dimension, ...]:
    """Return the dimensions of a checked document."""
    return tuple(
        Dimension(each["path"], values=tuple(each["values"]))
        if "values" in each
        else Dimension(each["path"], each["low"], each["high"], each.get("scale") == "log")
        for each in document
    )


def draw(space: Sequence[Dimension], seed: int, number: int) -> _Values:
    """Return the values of one draw, by path."""
    return {each.path: each.draw(_chance(seed, number, each.path)) for each in space}


def _chance(seed: int, number: int, path: str) -> float:
    return random.Random(f"{seed}:{number}:{path}").random()


def draws(
    space: Sequence[Dimension], seed: int, first: int, count: int, made: Iterable[_Values] = ()
) -> Drawn:
    """Return so many new draws from a number on; one that was made is drawn again with the next number."""
    runs: list[_Values] = []
    seen = {light_json.dumps(values, sort_keys=True) for values in made}
    number, repeats = first, 0
    while len(runs) < count and repeats < MOST_REPEATS:
        values = draw(space, seed, number)
        number += 1
        key = light_json.dumps(values, sort_keys=True)
        if key in seen:
            repeats += 1
        else:
            seen.add(key)
            runs.append(values)
            repeats = 0
    return Drawn(runs, number, len(runs) < count)


def contains(space: Sequence[Dimension], values: Any) -> bool:
    """Return whether these are values of every dimension and of nothing else."""
    return (
        isinstance(values, dict)
        and values.keys() == {each.path for each in space}
        and all(each.contains(values[each.path]) for each in space)
    )


def samples(space: Sequence[Dimension]) -> list[_Values]:
    """Return few runs that show every listed value and both ends of every interval, to check what can go wrong."""
    columns = [(each.low, each.high) if each.is_interval else each.values for each in space]
    length = max((len(column) for column in columns), default=0)
    return [
        {each.path: column[min(row, len(column) - 1)] for each, column in zip(space, columns, strict=True)}
        for row in range(length)
    ]


def merged(old: Sequence[Dimension], new: Sequence[Dimension]) -> tuple[Dimension, ...]:
    """Return a space with more: lists get the values that they lack, an interval takes the place of the old one."""
    found = {each.path: each for each in old}
    for each in new:
        before = found.get(each.path)
        if before is None or before.is_interval or each.is_interval:
            found[each.path] = each
        else:
            more = [value for value in each.values if not before.contains(value)]
            found[each.path] = before._replace(values=(*before.values, *more))
    return tuple(found.values())


def _same(one: Any, other: Any) -> bool:
    return light_json.dumps(one, sort_keys=True) == light_json.dumps(other, sort_keys=True)
