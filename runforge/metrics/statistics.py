"""The last, the smallest and the largest value of each metric of a run, in memory of limited size.

NaN is the last value of a metric that ended so; it is never its smallest or largest, unless it has no other.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from runforge.metrics import naming
from runforge.metrics.follow import read_ends
from runforge.metrics.last_values import LOG_LIMIT
from runforge.metrics.naming import LOG, Part
from runforge.metrics.opening import path_of, plain_of, reader_of
from runforge.metrics.points import MOST_METRICS, Point
from runforge.metrics.sources import listed
from runforge.metrics.sources.listed import Source, Sources
from runforge.metrics.sources.reader import Reader


class Measured(NamedTuple):
    """What is known of one metric of one run."""

    last: float
    low: float
    high: float

    def then(self, value: float) -> Measured:
        """Return the same after one more value."""
        if math.isnan(value):
            return self._replace(last=value)
        low = value if math.isnan(self.low) else min(self.low, value)
        high = value if math.isnan(self.high) else max(self.high, value)
        return Measured(value, low, high)


def once(value: float) -> Measured:
    """Return what is known of a metric with one value."""
    return Measured(value, value, value)


def of_points(points: Iterable[Point]) -> dict[str, Measured]:
    """Return what is known of each metric, in the order in which they appeared."""
    found: dict[str, Measured] = {}
    for name, _, value in points:
        known = found.get(name)
        found[name] = once(value) if known is None else known.then(value)
    return found


def of_run(run_dir: Path) -> dict[str, Measured]:
    """Return what is known of each metric of a run, from all of its sources."""
    found = naming.merged(_parts(run_dir, listed.read(run_dir)), _after)
    return {name: measured for name, (measured, _) in found.items()}


def _after(first: Measured, second: Measured) -> Measured:
    return first.then(second.low).then(second.high).then(second.last)


def values_of(run_dir: Path) -> Iterator[tuple[str, float, float]]:
    """Yield name, step and value of all points of a run.

    A point without a step is one step after the last of its metric, as in curves.
    """
    sources = listed.read(run_dir)
    names = {(source, own): name for source, own, name in naming.names_in(_parts(run_dir, sources))}
    last: dict[str, float] = {}
    for source in dict.fromkeys(source for source, _ in names):
        for own, step, value in _points(run_dir, source, reader_of(source, sources)):
            name = names.get((source, own))
            if name is not None:
                last[name] = last.get(name, -1.0) + 1 if step is None else step
                yield name, last[name], value


def _parts(run_dir: Path, sources: Sources) -> list[Part[Measured]]:
    found = []
    for source in naming.in_use(sources):
        reader = reader_of(source, sources)
        measured = of_points(_points(run_dir, source, reader))
        found.append(Part(source, measured, plain_of(reader)))
    return found


def _points(run_dir: Path, source: Source, reader: Reader) -> Iterator[Point]:
    limit = LOG_LIMIT if source == LOG else sys.maxsize
    names: set[str] = set()
    for point in read_ends(path_of(run_dir, source), reader, limit, lambda _: None):
        if point.name in names or len(names) < MOST_METRICS:
            names.add(point.name)
            yield point
