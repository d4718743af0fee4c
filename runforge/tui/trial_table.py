"""Runs as a table with a column for each parameter that varies: a sweep, the best first, or runs to compare."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from runforge import cells
from runforge.tui import differences, series_looks
from runforge.tui.columns import Layout, Rule, sized
from runforge.tui.row_list import Cell, RowList
from runforge.views.labels import label, parameter_names
from runforge.views.shown import JobView, seconds_so_far
from runforge.views.trials import Trials

if TYPE_CHECKING:
    from runforge.tui.live import Live

_WIDEST_PARAMETER = 14
_FIRST = {
    "sign": Rule(" ", 1, 1, 0),
    "rank": Rule("#", 5, 5, 3, is_right=True),
    "run": Rule("RUN", 10, 28, 1, keeps_end=True, grows=True),
    "state": Rule("STATE", 11, 11, 2, steady=11),
    "metric": Rule("METRIC", 8, 14, 4, is_right=True, steady=8, grows=True),
}
_LAST = {"time": Rule("TIME", 7, 7, 1000, is_right=True, steady=6), "end": Rule("", 1, 1, 0)}


class TrialTable(RowList):
    """The runs of one group, or those that are compared. The cursor stays on its run."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark: which runs are drawn and compared", show=False),
    ]

    class Toggled(Message):
        """A run was marked, or its mark was taken away."""

        def __init__(self, job: JobView) -> None:
            self.job = job
            super().__init__()

    def __init__(self, *, id: str, classes: str = "") -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, classes=classes)
        self._trials = Trials([], [], "")
        self._is_read = False
        self._selected = ""
        self._looks: Mapping[str, int] = {}
        self._marks: Collection[str] = ()
        self._live: Mapping[str, Live] = {}
        self._widths: dict[str, int] = {}
        self._layouts: dict[int, Layout] = {}

    def show(self, trials: Trials, selected: str = "") -> None:
        """Show the runs; `selected` is the plotted parameter."""
        job = self.job_at_cursor()
        self._trials, self._selected, self._is_read = trials, selected, True
        self._widths = {path: self._width(path) for path in trials.parameters}
        self._layouts = {}
        if job is not None:
            places = {other.run_id: i for i, other in enumerate(trials.jobs)}
            self.cursor = places.get(job.run_id, self.cursor)
        self.rows_changed()
        self.refresh()

    def show_looks(self, looks: Mapping[str, int], marks: Collection[str]) -> None:
        """Show which runs are drawn, with which sign, and which are marked."""
        self._looks, self._marks = looks, marks
        self.refresh()

    def show_live(self, live: Mapping[str, Live]) -> None:
        """Remember what running runs report; `repaint_changed` shows it."""
        self._live = live

    def job_at_cursor(self) -> JobView | None:
        """Return the run under the cursor."""
        jobs = self._trials.jobs
        return jobs[self.cursor] if self.cursor < len(jobs) else None

    def row_count(self) -> int:
        """Return how many runs there are."""
        return len(self._trials.jobs)

    def is_marked(self, index: int) -> bool:
        """Return whether the run is marked."""
        return 0 <= index < self.row_count() and self._trials.jobs[index].run_id in self._marks

    def empty_text(self) -> list[str]:
        """Return the text for a list without runs."""
        return [" This group has no runs" if self._is_read else " Reading the runs ..."]

    def action_mark(self) -> None:
        """Mark or unmark the run under the cursor and move to the next."""
        if (job := self.job_at_cursor()) is not None:
            self.post_message(self.Toggled(job))
            self.action_move(1)

    def _width(self, path: str) -> int:
        jobs = (job for job in self._trials.jobs if path in job.overrides)
        texts = [differences.value_text(job.overrides[path]) for job in jobs]
        return min(_WIDEST_PARAMETER, max(map(cells.columns, texts), default=1))

    def _columns(self, width: int) -> Layout:
        layout = self._layouts.get(width)
        if layout is None:
            rules = {**_FIRST, **self._varying(), **_LAST}
            metric = (self._trials.metric or "METRIC").upper()
            rules["metric"] = rules["metric"]._replace(title=metric)
            rank = len(str(self._trials.ranked)) if self._trials.ranked else 0
            contents = {"rank": rank, "metric": 8, "time": 6, **self._widths}
            longest = max((cells.columns(label(job)) for job in self._trials.jobs), default=0)
            layout = sized(rules, {**contents, "run": longest}, width, ("sign", "run", "state", "end"))
            self._layouts[width] = layout
        return layout

    def _varying(self) -> dict[str, Rule]:
        """Return a column for each parameter, wide enough for its values and, if there is room, for its name."""
        rules = {}
        for place, (path, name) in enumerate(parameter_names(self._trials.parameters).items()):
            title = f"{name.upper()}{'*' if path == self._selected else ''}"
            wide = min(_WIDEST_PARAMETER, max(self._widths.get(path, 1), cells.columns(title)))
            rules[path] = Rule(title, wide, wide, 10 + place, is_right=True)
        return rules

    def header(self, width: int) -> Sequence[Cell]:
        """Return the titles."""
        layout = self._columns(width)
        return layout.line({column.key: column.title for column, _ in layout.columns})

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one run's row."""
        job = self._trials.jobs[index]
        look = self._looks.get(job.run_id)
        sign = Cell(" ") if look is None else Cell(series_looks.mark(look), "", series_looks.colour(look))
        values: dict[str, str | Cell] = {
            "sign": sign,
            "rank": str(index + 1) if index < self._trials.ranked else "",
            "run": label(job),
            "state": Cell(cells.state_cell(job.state), job.state),
            "metric": self._metric(job),
            "time": cells.span(seconds_so_far(job)),
        }
        shown = {path: value for path, value in job.overrides.items() if path in self._widths}
        values.update({path: differences.value_text(value) for path, value in shown.items()})
        return self._columns(width).line(values)

    def _metric(self, job: JobView) -> Cell:
        """Return the metric of a run that has ended, or the last one of a run that goes on."""
        live = self._live.get(job.run_id) if job.state == "running" else None
        if live is not None and live.metric == self._trials.metric and live.value is not None:
            return Cell(cells.number(live.value), "dim")
        return Cell(cells.metric(job.metric_name, job.metric_value))
