"""The metrics that a run reports while it trains, from its metrics.jsonl, read as it grows.

The file belongs to the run: torn, foreign or hostile lines are passed over. A line is either
`{"name": "loss", "value": 0.3, "step": 7}` or an object of numbers, such as `{"step": 7, "loss": 0.3}`.
"""

from __future__ import annotations

import json
import math
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from runforge.files.durable import open_file

_LINE = 64 * 1024
_STEP = 4 * 1024 * 1024
_MOST_METRICS = 64
#: Above this every second point of a metric is dropped: no terminal shows more.
_MOST_POINTS = 100_000
_TAIL = 8 * 1024
_EPOCH = re.compile(rb"\[RF:EPOCH=(\d{1,9})/(\d{1,9})\]")
#: The side of the data that a metric was measured on.
_SPLIT = re.compile(r"^(train|training|test|val|valid|validation|eval)[_/.-]")
_STEPS = ("step", "epoch", "iteration")


@dataclass(frozen=True, slots=True)
class Curve:
    """One metric over the steps of a run."""

    name: str
    steps: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is: its epoch of how many, and the metric that it reported last."""

    epoch: int | None
    epochs: int | None
    metric: str | None
    value: float | None


class CurveFile:
    """Curves of one metrics.jsonl, extended by what was appended since the last look."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._position = 0
        self._rest = b""
        self._curves: dict[str, Curve] = {}

    def curves(self) -> dict[str, Curve]:
        """Return the metrics by name, in the order in which they appeared."""
        return self._curves

    def refresh(self) -> bool:
        """Read what was appended, a bounded piece at a time; return whether anything is new."""
        try:
            descriptor = open_file(self._path, os.O_RDONLY)
        except OSError:
            return False
        try:
            found = os.fstat(descriptor)
            identity = (found.st_dev, found.st_ino)
            if identity != self._identity or found.st_size < self._position:
                self._identity, self._position, self._rest, self._curves = identity, 0, b"", {}
            data = os.pread(descriptor, _STEP, self._position)
        except OSError:
            return False
        finally:
            os.close(descriptor)
        self._position += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > _LINE:
            self._rest = b"{"  # never a whole object again: the line is passed over
        for line in lines:
            for name, step, value in _points(line):
                self._add(name, step, value)
        return bool(data)

    def _add(self, name: str, step: float | None, value: float) -> None:
        curve = self._curves.get(name)
        if curve is None:
            if len(self._curves) >= _MOST_METRICS:
                return
            curve = self._curves[name] = Curve(name)
        following = curve.steps[-1] + 1 if curve.steps else 0.0
        curve.steps.append(following if step is None else step)
        curve.values.append(value)
        if len(curve.steps) > _MOST_POINTS:
            del curve.steps[1::2], curve.values[1::2]


def related(names: Iterable[str]) -> dict[str, list[str]]:
    """Return metrics that belong together: train_loss, val/loss and loss are all of `loss`."""
    families: dict[str, list[str]] = {}
    for name in sorted(names):
        families.setdefault(_SPLIT.sub("", name, count=1) or name, []).append(name)
    return families


def read_curves(path: Path) -> dict[str, Curve]:
    """Return a file's curves, once."""
    curves = CurveFile(path)
    while curves.refresh():
        pass
    return curves.curves()


def _points(line: bytes) -> list[tuple[str, float | None, float]]:
    if not line.strip() or len(line) > _LINE:
        return []
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, dict):
        return []
    step = next((number for key in _STEPS if (number := _number(found.get(key))) is not None), None)
    name = found.get("name")
    if isinstance(name, str) and "value" in found:
        value = _number(found["value"])
        return [] if value is None else [(name, step, value)]
    return [
        (key, step, value)
        for key, given in found.items()
        if key not in _STEPS and (value := _number(given)) is not None
    ]


def _number(given: object) -> float | None:
    if isinstance(given, bool) or not isinstance(given, (int, float)):
        return None
    try:
        number = float(given)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def tail_progress(run_dir: Path) -> Progress | None:
    """Return how far a run is, from the ends of its log and metrics; None if it has said nothing."""
    epochs = _EPOCH.findall(_tail(run_dir / "logs.txt"))
    points = [point for line in _tail(run_dir / "metrics.jsonl").split(b"\n") for point in _points(line)]
    if not epochs and not points:
        return None
    epoch, total = (int(epochs[-1][0]), int(epochs[-1][1])) if epochs else (None, None)
    name, _, value = points[-1] if points else (None, None, None)
    return Progress(epoch, total, name, value)


def _tail(path: Path) -> bytes:
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        return os.pread(descriptor, _TAIL, max(0, os.fstat(descriptor).st_size - _TAIL))
    except OSError:
        return b""
    finally:
        os.close(descriptor)
