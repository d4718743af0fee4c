"""What a metric is: a name, a step and a value. All readers use this, so that all see the same.

NaN and infinity are values. JSON does not have them, so they are written as the texts "NaN", "Infinity"
and "-Infinity", as in the JSON form of Protocol Buffers.
"""

from __future__ import annotations

import math

from runforge.named import NamedTuple
from runforge.text import safe

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: A longer line of metrics.jsonl is not a metric line.
LINE_LIMIT = 64 * 1024
#: A longer name (in UTF-8) is not a metric's name.
NAME_BYTES = 256
#: How many metrics of a run are kept: the first ones.
MOST_METRICS = 1000
_SHOWN = 160
_WORDS = {
    "nan": math.nan,
    "inf": math.inf,
    "+inf": math.inf,
    "infinity": math.inf,
    "+infinity": math.inf,
    "-inf": -math.inf,
    "-infinity": -math.inf,
}


class Point(NamedTuple):
    """One value of one metric; `step` is None if the run gave none."""

    name: str
    step: float | None
    value: float


def name_of(given: object) -> str | None:
    """Return a metric's name as all readers spell it, or None if it is not a valid name."""
    if not isinstance(given, str) or len(given) > LINE_LIMIT:
        return None
    if given.isalnum() and given.isascii() and len(given) <= NAME_BYTES:
        return given
    # Names get into documents; readers refuse those with a NUL or half of a surrogate pair.
    name = safe(given.strip())
    return name if 0 < len(name.encode()) <= NAME_BYTES else None


def value_of(given: object) -> float | None:
    """Return a metric's value, or None if it is not a number. Too large numbers become infinity."""
    if isinstance(given, str):
        return _WORDS.get(given.strip().lower())
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return None
    try:
        return float(given)
    except OverflowError:
        return math.inf if given > 0 else -math.inf


def step_of(given: object) -> float | None:
    """Return a step, or None if it is not a finite number."""
    if isinstance(given, str):
        return None
    number = value_of(given)
    return number if number is not None and math.isfinite(number) else None


def as_json(value: float) -> float | str:
    """Return a value in a form that JSON has."""
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


class Rejected:
    """Lines that looked like metrics but were not: how many, and the first of them."""

    def __init__(self) -> None:
        self.count = 0
        self.first = ""
        #: Metrics that could not be written down, and why.
        self.unwritten = 0
        self.why = ""

    def add(self, line: bytes, count: int = 1) -> None:
        """Count lines; the first of them is given."""
        if not self.count:
            self.first = safe(line[: 4 * _SHOWN].decode("utf-8", "replace").strip(), _SHOWN)
        self.count += count

    def plus(self, later: Rejected) -> Rejected:
        """Return both as one."""
        both = Rejected()
        both.count, both.first = self.count + later.count, self.first if self.count else later.first
        both.unwritten, both.why = self.unwritten + later.unwritten, self.why or later.why
        return both

    def sentences(self) -> Iterator[str]:
        """Yield what a person is to know."""
        if self.count:
            lines, were = ("line", "was") if self.count == 1 else ("lines", "were")
            yield f"{self.count:,} {lines} looked like metrics and {were} not: first: {self.first}"
        if self.unwritten:
            metrics = "metric" if self.unwritten == 1 else "metrics"
            yield f"{self.unwritten:,} printed {metrics} could not be written to metrics.jsonl: {self.why}"
