"""The metrics that a run reports while it trains, read from its growing metrics.jsonl.

The file belongs to the run: torn, foreign or hostile lines do no harm. `jsonl` decides what a metric line is.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from runforge.core.ranking import without_split
from runforge.files.durable import open_file
from runforge.metrics import jsonl
from runforge.metrics.points import Point
from runforge.metrics.printed import EPOCH

_BLOCK = 4 * 1024 * 1024
#: With more points, every second point of a metric is dropped: no terminal shows more.
_MOST_POINTS = 100_000
#: The same for all metrics of a run together.
_MOST_IN_ALL = 2_000_000
_Found = TypeVar("_Found")
#: How much of a file's end is read, in steps, until something is found.
_TAILS = (8 * 1024, 128 * 1024, 1024 * 1024)


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


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: its epoch, the number of epochs, and its last metric."""

    epoch: int | None
    epochs: int | None
    metric: str | None
    value: float | None


class CurveFile:
    """The curves of one metrics.jsonl; each look adds what was appended."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._start_over()

    def _start_over(self) -> None:
        self._position = 0
        self._reader = jsonl.PointReader()
        self._curves: dict[str, Curve] = {}
        self._points = 0

    def curves(self) -> dict[str, Curve]:
        """Return the metrics by name, in the order in which they appeared."""
        return self._curves

    def sentences(self) -> list[str]:
        """Return sentences for people about lines that are not drawn."""
        return list(self._reader.sentences())

    def refresh(self) -> bool:
        """Read what was appended, in pieces of limited size; return whether anything is new."""
        try:
            data = self._read()
        except OSError:
            return False
        found = list(self._reader.feed(data) if data else self._reader.finish_if_whole())
        for point in found:
            self._add(point)
        return bool(data or found)

    def _read(self) -> bytes:
        descriptor = open_file(self._path, os.O_RDONLY)
        try:
            info = os.fstat(descriptor)
            identity = (info.st_dev, info.st_ino)
            if identity != self._identity or info.st_size < self._position:
                self._identity = identity
                self._start_over()
            data = os.pread(descriptor, _BLOCK, self._position)
        finally:
            os.close(descriptor)
        self._position += len(data)
        return data

    def _add(self, point: Point) -> None:
        curve = self._curves.setdefault(point.name, Curve(point.name))
        before = len(curve.steps)
        curve.add(point.step, point.value)
        if len(curve.steps) > _MOST_POINTS:
            curve.thin()
        self._points += len(curve.steps) - before
        if self._points > _MOST_IN_ALL:
            for each in self._curves.values():
                each.thin()
            self._points = sum(len(each.steps) for each in self._curves.values())


def related(names: Iterable[str]) -> dict[str, list[str]]:
    """Return metrics that belong together: train_loss, val/loss and loss all belong to `loss`."""
    families: dict[str, list[str]] = {}
    for name in sorted(names):
        families.setdefault(without_split(name), []).append(name)
    return families


def read_curves(path: Path) -> dict[str, Curve]:
    """Return a file's curves, once."""
    curves = CurveFile(path)
    while curves.refresh():
        pass
    return curves.curves()


def tail_progress(run_dir: Path) -> Progress | None:
    """Return how far a run is, from the ends of its log and metrics; None if it has reported nothing."""
    epochs = _from_the_end(run_dir / "logs.txt", lambda data, _: EPOCH.findall(data))
    points = _from_the_end(run_dir / jsonl.NAME, _points)
    if not epochs and not points:
        return None
    epoch, total = (int(epochs[-1][0]), int(epochs[-1][1])) if epochs else (None, None)
    name, _, value = points[-1] if points else (None, None, None)
    return Progress(epoch, total, name, value)


def _points(data: bytes, is_whole: bool) -> list[Point]:
    """Return the points of a file's end; the beginning of the first line may be missing."""
    lines = data.split(b"\n")
    return [point for line in lines[0 if is_whole else 1 :] for point in jsonl.parse(line)]


def _from_the_end(path: Path, search: Callable[[bytes, bool], list[_Found]]) -> list[_Found]:
    """Return what is found at the end of a file; read more and more of it until something is found."""
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return []
    try:
        size = os.fstat(descriptor).st_size
        for length in _TAILS:
            found = search(os.pread(descriptor, length, max(0, size - length)), length >= size)
            if found or length >= size:
                return found
    except OSError:
        return []
    finally:
        os.close(descriptor)
    return []
