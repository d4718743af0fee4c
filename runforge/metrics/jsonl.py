"""metrics.jsonl: reads one line, the growing file, and the last value of each metric.

The file belongs to the run and may contain anything. A line is `{"name": "loss", "value": 0.3, "step": 7}` or
an object of numbers such as `{"step": 7, "loss": 0.3, "acc": 0.9}`. Any other line is counted as rejected.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from runforge.files.durable import open_file
from runforge.metrics.points import (
    LINE_LIMIT,
    MOST_METRICS,
    Point,
    Rejected,
    as_json,
    name_of,
    step_of,
    value_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

NAME = "metrics.jsonl"
#: Keys that give the step of a value; the first one found counts.
STEPS = ("step", "global_step", "epoch", "iteration", "iter")
#: For the last values, so much is read at once at most: of a larger file only its beginning and its end.
MOST_BYTES = 16 * 1024 * 1024
_BLOCK = 4 * 1024 * 1024


def encode(point: Point, at: str) -> bytes:
    """Return a point as a line."""
    step = point.step
    entry = {
        "name": point.name,
        "value": as_json(point.value),
        "step": int(step) if isinstance(step, float) and step.is_integer() else step,
        "at": at,
    }
    return json.dumps(entry, allow_nan=False).encode("ascii") + b"\n"


def parse(line: bytes) -> list[Point]:
    """Return the points of a line; none if it is not a metric line."""
    if len(line) > LINE_LIMIT:
        return []
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return []
    if not isinstance(found, dict):
        return []
    step = next((number for key in STEPS if (number := step_of(found.get(key))) is not None), None)
    if "name" in found and "value" in found:
        return _named(found, step)
    return [
        Point(name, step, value)
        for key, given in found.items()
        if key not in STEPS and (value := value_of(given)) is not None and (name := name_of(key)) is not None
    ]


def _named(found: dict[str, Any], step: float | None) -> list[Point]:
    # Many writers write null for NaN.
    name, value = name_of(found["name"]), value_of("nan" if found["value"] is None else found["value"])
    return [] if name is None or value is None else [Point(name, step, value)]


class PointReader:
    """Reads bytes in any pieces; gives points and what was rejected."""

    def __init__(self) -> None:
        self._rest = b""
        self._names: set[str] = set()
        self.rejected = Rejected()
        #: Values of metrics after the first thousand names.
        self.left_out = Rejected()

    def feed(self, data: bytes) -> Iterator[Point]:
        """Yield the points of the lines that are complete now."""
        *lines, rest = (self._rest + data).split(b"\n")
        # From a too long line only enough is kept to recognise it.
        self._rest = rest[: LINE_LIMIT + 1]
        for line in lines:
            yield from self._points(line)

    def finish(self) -> Iterator[Point]:
        """Yield the points of a last line without a newline."""
        line, self._rest = self._rest, b""
        yield from self._points(line)

    def drop_rest(self) -> None:
        """Forget a line whose end will not be read."""
        self._rest = b""

    def finish_if_whole(self) -> Iterator[Point]:
        """Yield the points of a last line that lacks only its newline. A torn line may still grow."""
        if parse(self._rest):
            yield from self.finish()

    def _points(self, line: bytes) -> Iterator[Point]:
        points = parse(line)
        if not points and line.strip():
            self.rejected.add(line)
        yield from self.counted(points)

    @property
    def is_between_lines(self) -> bool:
        """Whether no line has begun that is not complete."""
        return not self._rest

    def counted(self, points: Iterable[Point]) -> Iterator[Point]:
        """Yield the points whose metric is among the first thousand."""
        for point in points:
            if point.name not in self._names:
                if len(self._names) >= MOST_METRICS:
                    self.left_out.add(point.name.encode("utf-8", "replace"))
                    continue
                self._names.add(point.name)
            yield point

    def sentences(self) -> Iterator[str]:
        """Yield sentences for people about this file."""
        yield from self.rejected.sentences()
        if self.left_out.count:
            yield (
                f"{self.left_out.count:,} values were left out: the run has more than {MOST_METRICS:,} metrics: "
                f"first: {self.left_out.first}"
            )


class LastValues:
    """The last point of each metric, in the order of their first points."""

    def __init__(self) -> None:
        self.points: dict[str, Point] = {}
        self.reader = PointReader()
        self.unread = 0
        #: Up to where the file was read.
        self.position = 0

    def sentences(self) -> Iterator[str]:
        """Yield sentences for people."""
        yield from self.reader.sentences()
        if self.unread:
            yield f"{self.unread:,} bytes in the middle of {NAME} were not read: it is too large"

    def take(self, points: Iterable[Point], end: int) -> None:
        """Take points that the caller has written itself, from the place read so far up to this one."""
        self._take(self.reader.counted(points))
        self.position = end

    def _take(self, points: Iterator[Point]) -> None:
        self.points.update((point.name, point) for point in points)

    def read(self, descriptor: int, limit: int) -> None:
        """Read a file to its end; if too much is left of it, only the beginning and the end of that."""
        size = os.fstat(descriptor).st_size
        left = size - self.position
        if left > limit:
            self.read_on(descriptor, self.position + limit // 2)
            self.reader.drop_rest()
            late = size - limit // 2
            self.unread += late - self.position
            self.position = late
            self._read_on(descriptor, size, is_torn=True)
        else:
            self.read_on(descriptor, size)
        self._take(self.reader.finish())

    def read_on(self, descriptor: int, end: int) -> bool:
        """Read up to this place; return whether it was reached."""
        return self._read_on(descriptor, end, is_torn=False)

    def _read_on(self, descriptor: int, end: int, *, is_torn: bool) -> bool:
        while left := end - self.position:
            data = os.pread(descriptor, min(_BLOCK, left), self.position)
            if not data:
                return False
            self.position += len(data)
            if is_torn:
                _, newline, data = data.partition(b"\n")
                is_torn = not newline
            self._take(self.reader.feed(data))
        return True


def read_last(path: Path, limit: int = MOST_BYTES) -> LastValues:
    """Return the last values in a file; none for a link, a pipe or an unreadable file."""
    last = LastValues()
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return last
    try:
        last.read(descriptor, limit)
    except OSError:
        return last
    finally:
        os.close(descriptor)
    return last
