"""The last, the smallest and the largest value of each metric of a run, in memory of limited size.

NaN is the last value of a metric that ended so; it is never its smallest or largest, unless it has no other.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from runforge.files.durable import open_file
from runforge.metrics import jsonl
from runforge.metrics.points import Point

_BLOCK = 1024 * 1024


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
    """Return what is known of each metric that a run has reported."""
    return of_points(_points(run_dir))


def values_of(run_dir: Path) -> Iterator[tuple[str, float, float]]:
    """Yield name, step and value of all that a run has reported.

    A point without a step is one step after the last of its metric, as in curves.
    """
    last: dict[str, float] = {}
    for name, step, value in _points(run_dir):
        last[name] = last.get(name, -1.0) + 1 if step is None else step
        yield name, last[name], value


def _points(run_dir: Path) -> Iterator[Point]:
    try:
        descriptor = open_file(run_dir / jsonl.NAME, os.O_RDONLY)
    except OSError:
        return
    reader = jsonl.PointReader()
    try:
        while data := os.read(descriptor, _BLOCK):
            yield from reader.feed(data)
    except OSError:
        return
    finally:
        os.close(descriptor)
    yield from reader.finish_if_whole()
