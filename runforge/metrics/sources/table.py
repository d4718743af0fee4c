"""Tables that grow by a row, as Lightning, Ultralytics, Keras, fastai, CatBoost and DVCLive write them.

The first line names the columns. Cells may be empty, padded or `NA`; the header may come again.
"""

from __future__ import annotations

import csv

from runforge.metrics.points import MOST_METRICS, Point, name_of, step_of, value_of
from runforge.metrics.sources.reader import LineReader

#: Columns that give the step of a row; the first one that a row fills counts.
STEPS = (
    *("step", "global_step", "_step", "iteration", "iter", "iters", "training_iteration"),
    *("timesteps_total", "time/total_timesteps", "epoch"),
)
#: Columns that say when a row was written, which is no metric.
_TIMES = frozenset(
    {
        "time",
        "timestamp",
        "_timestamp",
        "_runtime",
        "at",
        "date",
        "datetime",
        "walltime",
        "wall time",
        "wall_time",
    }
)
#: In a table with one value a row, the columns with a metric's name and with its value.
_NAMES, _VALUE = ("name", "metric", "tag", "key"), "value"
_DELIMITERS = ",\t;"


class TableReader(LineReader):
    """Reads a table in any pieces."""

    def __init__(self) -> None:
        super().__init__()
        self._header: list[str] | None = None
        self._delimiter = ","
        #: (place, name) of the columns with steps, best first, and of those with metrics.
        self._steps: list[int] = []
        self._metrics: list[tuple[int, str]] = []
        self._long: tuple[int, int] | None = None

    def _line(self, line: bytes) -> list[Point]:
        text = line.decode("utf-8", "replace").strip("\r\ufeff")
        if not text.strip():
            return []
        if self._header is None:
            self._delimiter = max(_DELIMITERS, key=text.count)
            self._name(self._cells(text))
            return []
        cells = self._cells(text)
        # A header that comes again, as fastai writes it.
        return [] if cells == self._header else self._row(cells)

    def _cells(self, text: str) -> list[str]:
        if '"' not in text:
            return [cell.strip() for cell in text.split(self._delimiter)]
        try:
            return [cell.strip() for cell in next(csv.reader([text], delimiter=self._delimiter))]
        except (csv.Error, StopIteration):
            return []

    def _name(self, header: list[str]) -> None:
        self._header = header
        lower = [name.lower() for name in header]
        self._steps = [lower.index(name) for name in STEPS if name in lower]
        names = [lower.index(name) for name in _NAMES if name in lower]
        self._long = (names[0], lower.index(_VALUE)) if names and _VALUE in lower else None
        named = [(place, name_of(name)) for place, name in enumerate(header) if place not in self._steps]
        self._metrics = [
            (place, name)
            for place, name in named
            if name is not None and name.lower() not in _TIMES and _number(name) is None
        ][:MOST_METRICS]

    def _row(self, cells: list[str]) -> list[Point]:
        known = (step_of(_number(cells[place])) for place in self._steps if place < len(cells))
        step = next((number for number in known if number is not None), None)
        if self._long is not None:
            return self._single(cells, step)
        return [
            Point(name, step, value)
            for place, name in self._metrics
            if place < len(cells) and (value := _number(cells[place])) is not None
        ]

    def _single(self, cells: list[str], step: float | None) -> list[Point]:
        at, value_at = self._long or (0, 0)
        if max(at, value_at) >= len(cells):
            return []
        name, value = name_of(cells[at]), _number(cells[value_at])
        return [] if name is None or value is None else [Point(name, step, value)]


def _number(cell: str) -> float | None:
    """Return the number of a cell; an empty one, NA or a word has none."""
    if len(cell) > 64 or "_" in cell:
        return None
    try:
        return value_of(float(cell))
    except ValueError:
        return None
