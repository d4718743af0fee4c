"""Curves: the points of metrics over the steps of a run, in limited memory."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from runforge.core.ranking import without_split
from runforge.metrics.points import Point

#: With more points, every second point of a metric is dropped: no terminal shows more.
MOST_POINTS = 100_000
#: The same for all metrics of a run together.
MOST_IN_ALL = 2_000_000
_Key = TypeVar("_Key", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric over the steps of a run."""

    name: str
    steps: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)

    def add(self, step: float | None, value: float) -> None:
        """Append a point; without a step it is one step after the last one."""
        following = self.steps[-1] + 1 if self.steps else 0.0
        self.steps.append(following if step is None else step)
        self.values.append(value)

    def thin(self) -> None:
        """Drop every second point, never the last."""
        del self.steps[1:-1:2], self.values[1:-1:2]

    def named(self, name: str) -> Curve:
        """Return the same points under another name."""
        return self if name == self.name else Curve(name, self.steps, self.values)

    def after(self, earlier: Curve) -> Curve:
        """Return this curve with what an earlier one has before its first step."""
        if not self.steps:
            return earlier.named(self.name)
        first = self.steps[0]
        kept = [at for at, step in enumerate(earlier.steps) if step < first]
        if not kept:
            return self
        steps, values = [earlier.steps[at] for at in kept], [earlier.values[at] for at in kept]
        return Curve(self.name, steps + self.steps, values + self.values)


class CurveSet(Generic[_Key]):
    """Many curves, each under a key. Together they keep a limited number of points."""

    def __init__(self) -> None:
        self.found: dict[_Key, Curve] = {}
        self._points = 0

    def add(self, key: _Key, point: Point) -> None:
        """Add a point to the curve of a key."""
        curve = self.found.get(key)
        if curve is None:
            curve = self.found[key] = Curve(point.name)
        before = len(curve.steps)
        curve.add(point.step, point.value)
        if len(curve.steps) > MOST_POINTS:
            curve.thin()
        self._points += len(curve.steps) - before
        if self._points > MOST_IN_ALL:
            for each in self.found.values():
                each.thin()
            self._count()

    def drop(self, keys: Iterable[_Key]) -> None:
        """Forget curves."""
        for key in keys:
            self.found.pop(key, None)
        self._count()

    def _count(self) -> None:
        self._points = sum(len(each.steps) for each in self.found.values())


def related(names: Iterable[str]) -> dict[str, list[str]]:
    """Return metrics that belong together: train_loss, val/loss and loss all belong to `loss`."""
    families: dict[str, list[str]] = {}
    for name in sorted(names):
        families.setdefault(without_split(name), []).append(name)
    return families
