"""How far a run is, from the ends of its log and its metrics.

Told by `[RF:EPOCH=3/10]`, `Epoch 3/10`, `iter 10/500`, or a progress bar.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from runforge.files.durable import open_file
from runforge.metrics import jsonl
from runforge.metrics.last_values import RunValues
from runforge.metrics.points import Point
from runforge.metrics.printed import EPOCH

_Found = TypeVar("_Found")
#: How much of the beginnings and ends of tools' files and of the log is read.
_ENDS = 256 * 1024
#: How much of a file's end is read, in steps, until something is found.
_TAILS = (8 * 1024, 128 * 1024, 1024 * 1024)
#: `Epoch 3/10`, `Epoch [3/10]`, `epoch: 3/10`.
_EPOCH = re.compile(rb"\b[Ee]poch[ :=]{0,3}\[?(\d{1,9})[ ]?/[ ]?(\d{1,9})\b")
_ITERATION = re.compile(
    rb"\b(?:[Ii]ter(?:ation)?|[Ss]tep|[Bb]atch)[ :=]{0,3}\[?(\d{1,12})[ ]?/[ ]?(\d{1,12})\b"
)
#: tqdm's ` 20%|##   | 10/50 [00:01<`.
_BAR = re.compile(rb"\b(\d{1,12})/(\d{1,12})[ ]\[\d\d:[\d:]{2,8}<")


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: its epoch, the number of epochs, and its last metric."""

    epoch: int | None
    epochs: int | None
    metric: str | None
    value: float | None
    #: The step within the run or, with epochs, within the epoch; and the number of these steps.
    step: int | None = None
    steps: int | None = None

    @property
    def share(self) -> float | None:
        """How much of the run is done, from 0 to 1; None if the run has not said it."""
        if self.epochs and self.epoch is not None:
            return min(1.0, self.epoch / self.epochs)
        if self.steps and self.step is not None:
            return min(1.0, self.step / self.steps)
        return None


def tail_progress(run_dir: Path) -> Progress | None:
    """Return how far a run is; None if it has reported nothing."""
    log = run_dir / "logs.txt"
    epochs = _from_the_end(log, lambda data, _: EPOCH.findall(data) or _EPOCH.findall(data))
    steps = _from_the_end(log, lambda data, _: _ITERATION.findall(data) or _BAR.findall(data), _TAILS[:1])
    name, value = _metric(run_dir)
    if not epochs and name is None and not steps:
        return None
    epoch, total = _last(epochs)
    step, of = _last(steps)
    return Progress(epoch, total, name, value, step, of)


def _metric(run_dir: Path) -> tuple[str, float] | tuple[None, None]:
    """Return the metric that the run reported last, or else its main metric from other sources."""
    points = _from_the_end(run_dir / jsonl.NAME, _points)
    if points:
        return points[-1].name, points[-1].value
    found = RunValues(run_dir, _ENDS)
    name = found.primary() or next(iter(found.last), None)
    return (name, found.last[name]) if name is not None else (None, None)


def _last(found: list[tuple[bytes, bytes]]) -> tuple[int, int] | tuple[None, None]:
    return (int(found[-1][0]), int(found[-1][1])) if found else (None, None)


def _points(data: bytes, is_whole: bool) -> list[Point]:
    """Return the points of a file's end; the beginning of the first line may be missing."""
    lines = data.split(b"\n")
    return [point for line in lines[0 if is_whole else 1 :] for point in jsonl.parse(line)]


def _from_the_end(
    path: Path, search: Callable[[bytes, bool], list[_Found]], tails: tuple[int, ...] = _TAILS
) -> list[_Found]:
    """Return what is found at the end of a file; read more and more of it until something is found."""
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return []
    try:
        size = os.fstat(descriptor).st_size
        for length in tails:
            found = search(os.pread(descriptor, length, max(0, size - length)), length >= size)
            if found or length >= size:
                return found
    except OSError:
        return []
    finally:
        os.close(descriptor)
    return []
