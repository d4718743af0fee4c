"""A sweep as a table: the best run first, a column for each parameter that varies."""

from __future__ import annotations

from collections.abc import Sequence

from runforge import cells
from runforge.tui.columns import Column, fitted
from runforge.tui.row_list import Cell, RowList
from runforge.views.shown import JobView, seconds_so_far
from runforge.views.trials import Trials

_FIXED = (
    Column("rank", "#", 4, is_right=True),
    Column("run", "RUN", 10, grow=1, keeps_end=True),
    Column("state", "STATE", 11),
    Column("metric", "METRIC", 9, is_right=True),
    Column("time", "TIME", 7, from_width=60, is_right=True),
)
_PARAMETER_WIDTH = 10


class TrialTable(RowList):
    """The runs of one group. The cursor stays on its run."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._jobs: list[JobView] = []
        self._parameters: list[str] = []
        self._selected = ""
        self._metric = ""
        self._ranked = 0

    def show(self, trials: Trials, selected: str) -> None:
        """Show the runs; `selected` is the plotted parameter."""
        job = self.job_at_cursor()
        self._jobs, self._parameters, self._selected = trials.jobs, trials.parameters, selected
        self._metric, self._ranked = trials.metric, trials.ranked
        if job is not None:
            places = {other.run_id: i for i, other in enumerate(trials.jobs)}
            self.cursor = places.get(job.run_id, self.cursor)
        self.rows_changed()
        self.refresh()

    def job_at_cursor(self) -> JobView | None:
        """Return the run under the cursor."""
        return self._jobs[self.cursor] if self.cursor < len(self._jobs) else None

    def row_count(self) -> int:
        """Return how many runs the group has."""
        return len(self._jobs)

    def empty_text(self) -> list[str]:
        """Return the text for a list without runs."""
        return [" This group has no runs"]

    def _columns(self) -> list[Column]:
        short = {path: path.rpartition(".")[2] for path in self._parameters}
        varying = [
            Column(path, f"{short[path].upper()}{'*' if path == self._selected else ''}", _PARAMETER_WIDTH)
            for path in self._parameters
        ]
        return [*_FIXED, *varying]

    def header(self, width: int) -> Sequence[Cell]:
        """Return the titles."""
        columns = self._columns()
        titles = {column.key: column.title for column in columns}
        if self._metric:
            titles["metric"] = self._metric.upper()
        return fitted(columns, width).line(titles)

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one run's row."""
        job = self._jobs[index]
        values: dict[str, str | Cell] = {
            "rank": str(index + 1) if index < self._ranked else "",
            "run": job.run_id,
            "state": Cell(cells.state_cell(job.state), job.state),
            "metric": cells.metric(job.metric_name, job.metric_value),
            "time": cells.span(seconds_so_far(job)),
        }
        values.update({path: str(job.overrides.get(path, "")) for path in self._parameters})
        return fitted(self._columns(), width).line(values)
