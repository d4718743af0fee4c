"""Values in equal steps: `1..9:2`, `0..1:0.25` and Hydra's `range()`. Counted before they are made. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from runforge.errors import InvalidRequest

if TYPE_CHECKING:
    from fractions import Fraction

_NUMBER = r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_RANGE = re.compile(rf"({_NUMBER})\.\.({_NUMBER})(?::(.*))?")
#: A number, then two dots: meant as a range, even if it is none. A path has a slash.
_LIKE_RANGE = re.compile(r"[+-]?[0-9][0-9.eE+-]*\.\.[^/]*|\.\.[0-9]+")
_WHOLE = re.compile(r"[+-]?[0-9]+")
_DIGITS = 18
_EXPONENT = 300
_ARGUMENTS = ("start", "stop", "step")
_FIX = 'Write 1..5, 1..9:2 or 0..1:0.25; a text goes in quotes: "1..x"'


class Interval(NamedTuple):
    """All numbers between two, both included; whole ones if both are whole."""

    low: float
    high: float
    is_log: bool = False


class Steps(NamedTuple):
    """Some values: given ones, or the first `many` in equal steps."""

    given: tuple[Any, ...] = ()
    start: int | Fraction = 0
    step: int | Fraction = 1
    many: int = 0

    @classmethod
    def of(cls, value: Any) -> Steps:
        """Return the one value."""
        return cls((value,))

    @property
    def number(self) -> int:
        """How many values these are."""
        return len(self.given) + self.many

    def values(self) -> list[Any]:
        """Return all of them; a step that is not whole makes floats, each rounded once."""
        is_whole = isinstance(self.start, int) and isinstance(self.step, int)
        made = [self.start + index * self.step for index in range(self.many)]
        return [*self.given, *(made if is_whole else map(float, made))]


def typed_range(text: str, where: str) -> Steps | Interval | None:
    """Return the values of `A..B[:STEP]`, both ends included, or an interval; None if the text is neither."""
    match = _RANGE.fullmatch(text)
    if match is None:
        if _LIKE_RANGE.fullmatch(text):
            raise InvalidRequest(f"{text[:40]!r} is no range", where=where, fix=_FIX)
        return None
    start, end, step = match.groups()
    if step == "log" or (step is None and not (_WHOLE.fullmatch(start) and _WHOLE.fullmatch(end))):
        return interval(start, end, where, is_log=step == "log")
    first, last = _number(start, where), _number(end, where)
    size = 1 if step is None else _number(step, where)
    if size <= 0:
        raise InvalidRequest(f"the step {step} is not above 0", where=where, fix=_FIX)
    step_up: int | Fraction = size if last >= first else -size
    return Steps(start=first, step=step_up, many=_quotient(last - first, step_up) + 1)


def interval(start: str, end: str, where: str, *, is_log: bool = False) -> Interval:
    """Return the interval between two typed numbers."""
    low, high = (_number(text.strip(), where) for text in (start, end))
    if low >= high:
        fix = f"Write {end.strip()}..{start.strip()}" if low > high else "Give one value without dots"
        raise InvalidRequest(f"the interval {start[:20]}..{end[:20]} is empty", where=where, fix=fix)
    if is_log and low <= 0:
        fix = "Begin above 0, or leave :log out"
        raise InvalidRequest(f"a logarithm needs numbers above 0, not {start[:20]}", where=where, fix=fix)
    if isinstance(low, int) and isinstance(high, int):
        return Interval(low, high, is_log)
    return Interval(float(low), float(high), is_log)


def hydra_range(inner: str, where: str) -> Steps:
    """Return the values of Hydra's `range([start,] stop[, step])`, without the end."""
    words = [word.strip() for word in inner.split(",")]
    named = {} if len(words) > len(_ARGUMENTS) else _named(words)
    if "stop" not in named or len(named) != len(words) or not set(named) <= set(_ARGUMENTS):
        raise InvalidRequest(f"range({inner[:40]}) is not understood", where=where, fix="Write range(0,10,2)")
    start, stop, step = (_number(named.get(name, usual), where) for name, usual in zip(_ARGUMENTS, "001"))  # noqa: B905
    if step == 0:
        raise InvalidRequest("range() has the step 0", where=where, fix="Write range(0,10,2)")
    many = -_quotient(start - stop, step)
    if many <= 0:
        fix = f"Its end is not included, as in Hydra; write {start}..{stop} to include it"
        raise InvalidRequest(f"range({inner[:40]}) has no values", where=where, fix=fix)
    return Steps(start=start, step=step, many=many)


def _named(words: list[str]) -> dict[str, str]:
    """Return the arguments of a call by name; those without a name have their place's."""
    places = iter(("stop",) if len(words) == 1 else _ARGUMENTS)
    pairs = [word.split("=", 1) if "=" in word else [next(places, ""), word] for word in words]
    return {name.strip(): value.strip() for name, value in pairs}


def _number(text: str, where: str) -> int | Fraction:
    if re.fullmatch(_NUMBER, text) is None:
        raise InvalidRequest(f"{text[:40]!r} is no number", where=where, fix=_FIX)
    mantissa, _, exponent = text.lower().partition("e")
    if len(mantissa) > _DIGITS or len(exponent) > len("-300") or abs(int(exponent or 0)) > _EXPONENT:
        raise InvalidRequest(f"the number {text[:40]} is too long", where=where, fix="Use at most 17 digits")
    return int(text) if _WHOLE.fullmatch(text) else _exact(text)


def _quotient(distance: int | Fraction, step: int | Fraction) -> int:
    """Return how often a step fits, rounded down; exact, however large the numbers are."""
    return distance // step


def _exact(number: str) -> Fraction:
    from fractions import Fraction  # only ranges need it

    return Fraction(number)
