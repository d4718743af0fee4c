"""What running runs report, for the rows of a list: progress, last value and its way there, pace, time left.

The feed's thread reads it. The curves of a run come from the one reader of curves, a piece at a time; of a run
that has written very much, only the ends of its own metrics and of its log count.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from runforge.files import tail
from runforge.metrics import jsonl
from runforge.metrics.curves import Curve
from runforge.metrics.naming import LOG
from runforge.metrics.opening import reader_of
from runforge.metrics.progress import Progress, tail_progress
from runforge.metrics.run_curves import RunCurves
from runforge.metrics.sources import listed
from runforge.tui.curve_order import importance

_LOG = "logs.txt"
#: Above this many bytes of log and metrics only their ends are read.
_WHOLE = 4 * 1024 * 1024
_TAIL = 32 * 1024
#: The values of a trend, at most.
_VALUES = 400
_TREND_STEPS = 16
#: A pace is measured over at most this many looks.
_LOOKS = 30


class Live(NamedTuple):
    """What a run has reported last."""

    done: int | None = None
    of: int | None = None
    metric: str | None = None
    value: float | None = None
    values: tuple[float, ...] = ()
    #: Steps a second.
    rate: float | None = None
    #: Seconds.
    left: float | None = None
    #: How much of the epoch is done, from 0 to 1, if the run counts both epochs and the steps of each.
    within: float | None = None


class Running(NamedTuple):
    """A run to look at: its folder, its objective, and for how many seconds it has been running."""

    run_id: str
    folder: Path
    objective: str | None
    seconds: float | None


@dataclass
class _Looked:
    """What is known of one run."""

    sizes: tuple[int, int] = (-1, -1)
    progress: Progress | None = None
    curves: Mapping[str, Curve] = field(default_factory=dict)
    reader: RunCurves | None = None
    main: str | None = None
    is_large: bool = False
    steps: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=_LOOKS))

    def look(self, folder: Path) -> None:
        """Read what has grown."""
        before, self.sizes = self.sizes, (_size(folder / _LOG), _size(folder / jsonl.NAME))
        if self.sizes != before:
            self.progress = tail_progress(folder)
        self.is_large = self.is_large or sum(self.sizes) > _WHOLE
        if self.is_large:
            self.reader = None
            if self.sizes != before:
                self.curves = _ends(folder)
            return
        self.reader = self.reader or RunCurves(folder)
        if self.reader.refresh():
            self.curves, self.main = self.reader.curves(), self.reader.primary()

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


def _size(path: Path) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_size
    except OSError:
        return 0


def _ends(folder: Path) -> Mapping[str, Curve]:
    """Return the last points of a run: those that it reports itself, or else those that it prints."""
    own, log = jsonl.PointReader(), reader_of(LOG, listed.read(folder))
    points = list(own.feed(tail.lines(folder / jsonl.NAME, _TAIL))) or log.feed(
        tail.lines(folder / _LOG, _TAIL)
    )
    curves: dict[str, Curve] = {}
    for point in points:
        curves.setdefault(point.name, Curve(point.name)).add(point.step, point.value)
    return curves


class LiveReader:
    """Looks at running runs, again and again."""

    def __init__(self) -> None:
        self._looked: dict[str, _Looked] = {}

    def read(self, runs: Sequence[Running], now: float) -> dict[str, Live]:
        """Return what each of these runs has reported; without those that have reported nothing."""
        self._looked = {run.run_id: self._looked.get(run.run_id) or _Looked() for run in runs}
        found = {}
        for run in runs:
            looked = self._looked[run.run_id]
            looked.look(run.folder)
            if looked.progress is not None or looked.curves:
                found[run.run_id] = _live(run, looked, now)
        return found


def _live(run: Running, looked: _Looked, now: float) -> Live:
    progress = looked.progress or Progress(None, None, None, None)
    done, of = (progress.epoch, progress.epochs) if progress.epochs else (progress.step, progress.steps)
    metric = _chosen(looked.curves, run.objective, looked.main)
    curve = looked.curves[metric] if metric is not None else Curve("")
    # A trend of many values is drawn anew after each sixteenth of them, not after each one: over SSH bytes count.
    count, every = len(curve.values), max(1, len(curve.values) // _VALUES)
    settled = curve.values[: count - count % max(1, count // _TREND_STEPS)]
    step = max((each.steps[-1] for each in looked.curves.values() if each.steps), default=done)
    share = progress.share
    return Live(
        done,
        of,
        metric,
        curve.values[-1] if curve.values else None,
        tuple(settled[::-every][::-1]),
        looked.rate(step, now),
        run.seconds * (1 - share) / share if run.seconds and share else None,
        _within(progress),
    )


def _within(progress: Progress) -> float | None:
    if not progress.epochs or not progress.steps or progress.step is None:
        return None
    return min(1.0, progress.step / progress.steps)


def _chosen(names: Collection[str], objective: str | None, main: str | None) -> str | None:
    """Return the metric to show: the objective; without one the main one, or that which most probably matters."""
    if objective is not None:
        return objective if objective in names else None
    if main in names:
        return main
    return min(names, key=lambda name: importance(name, None), default=None)
