"""What running runs report, for the rows of a list: epoch, last value and its way there, pace, time left.

It reads the ends of a few files, so it is for the feed's thread. A file that has not grown is not read again.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from runforge.files.durable import open_file
from runforge.metrics import jsonl
from runforge.metrics.points import Point
from runforge.metrics.printed import EPOCH
from runforge.tui.curve_order import importance

#: How much of a file's end is read.
_TAIL = 32 * 1024
#: The points of a sparkline, at most.
_POINTS = 400
#: A pace is measured over at most this many looks.
_LOOKS = 30


class Live(NamedTuple):
    """What a run has reported last."""

    epoch: int | None = None
    epochs: int | None = None
    metric: str | None = None
    value: float | None = None
    values: tuple[float, ...] = ()
    #: Steps a second.
    rate: float | None = None
    #: Seconds.
    left: float | None = None


class Running(NamedTuple):
    """A run to look at: its folder, its objective, and for how many seconds it has been running."""

    run_id: str
    folder: Path
    objective: str | None
    seconds: float | None


@dataclass
class _Ends:
    """The ends of one run's files, as they were read last."""

    sizes: dict[str, int] = field(default_factory=dict)
    epoch: tuple[int, int] | None = None
    points: list[Point] = field(default_factory=list)
    steps: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_LOOKS))

    def look(self, folder: Path) -> None:
        """Read what has grown."""
        if (data := self._grown(folder / "logs.txt")) is not None and (found := EPOCH.findall(data)):
            self.epoch = int(found[-1][0]), int(found[-1][1])
        if (data := self._grown(folder / jsonl.NAME)) is not None:
            lines = data.split(b"\n")
            points = [point for line in lines[-_TAIL // 16 :] for point in jsonl.parse(line)]
            self.points = points or self.points

    def _grown(self, path: Path) -> bytes | None:
        """Return a file's end if its size has changed."""
        try:
            descriptor = open_file(path, os.O_RDONLY)
        except OSError:
            return None
        try:
            size = os.fstat(descriptor).st_size
            if size == self.sizes.get(path.name):
                return None
            self.sizes[path.name] = size
            return os.pread(descriptor, _TAIL, max(0, size - _TAIL))
        except OSError:
            return None
        finally:
            os.close(descriptor)

    def rate(self, step: float | None, now: float) -> float | None:
        """Return the steps a second since the oldest look that is remembered."""
        if step is None:
            return None
        if self.steps and step < self.steps[-1][1]:
            self.steps.clear()
        if not self.steps or step > self.steps[-1][1]:
            self.steps.append((now, step))
        (start, first), (end, last) = self.steps[0], self.steps[-1]
        return (last - first) / (end - start) if end > start else None


class LiveReader:
    """Looks at running runs, again and again."""

    def __init__(self) -> None:
        self._ends: dict[str, _Ends] = {}

    def read(self, runs: Sequence[Running], now: float) -> dict[str, Live]:
        """Return what each of these runs has reported; without those that have reported nothing."""
        self._ends = {run.run_id: self._ends.get(run.run_id) or _Ends() for run in runs}
        found = {}
        for run in runs:
            ends = self._ends[run.run_id]
            ends.look(run.folder)
            if ends.epoch or ends.points:
                found[run.run_id] = _live(run, ends, now)
        return found


def _live(run: Running, ends: _Ends, now: float) -> Live:
    epoch, epochs = ends.epoch or (None, None)
    metric = _chosen({point.name for point in ends.points}, run.objective)
    points = [point for point in ends.points if point.name == metric]
    values = tuple(point.value for point in points[-_POINTS:])
    steps = [point.step for point in points if point.step is not None]
    step = max(steps) if steps else None if epoch is None else float(epoch)
    left = (
        run.seconds / epoch * (epochs - epoch)
        if run.seconds and epoch and epochs and epochs >= epoch
        else None
    )
    return Live(epoch, epochs, metric, values[-1] if values else None, values, ends.rate(step, now), left)


def _chosen(names: Collection[str], objective: str | None) -> str | None:
    """Return the metric to show: the objective, or without one the metric that most probably matters."""
    if objective is not None:
        return objective if objective in names else None
    return min(names, key=lambda name: importance(name, None), default=None)
