"""A group: its sweep as a table, the best run first, and a plot of the metric or of all curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Static

from runforge import cells
from runforge.errors import RunForgeError
from runforge.metrics.run_curves import read_curves
from runforge.text import safe
from runforge.tui.bars import Key
from runforge.tui.base_screen import BaseScreen
from runforge.tui.plot import Plot, Series
from runforge.tui.row_list import RowList
from runforge.tui.trial_table import TrialTable
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import GroupView, JobView, ended_runs, group_state
from runforge.views.trials import Trials

#: This many curves can be distinguished in a terminal.
_MOST_CURVES = 12


class GroupScreen(BaseScreen):
    """One group, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("v", "view", "Plot: metric against a parameter, or the runs' curves"),
        Binding("right_square_bracket", "parameter(1)", "Plot against the next parameter"),
        Binding("left_square_bracket", "parameter(-1)", "Plot against the previous parameter"),
        Binding("l", "open('log')", "Log of the run"),
        Binding("c", "open('curves')", "Curves of the run"),
        Binding("i", "open('info')", "All about the run"),
        Binding("x", "cancel_run", "Cancel the run"),
        Binding("X", "cancel_group", "Cancel the group"),
        Binding("r", "retry_run", "Retry the run"),
        Binding("F", "retry_group", "Retry all failed runs of the group"),
        Binding("C", "rerun", "Run a copy of the run"),
        Binding("p", "pause", "Pause or resume the group"),
        Binding("plus,equals_sign", "priority(1)", "Higher priority of the group"),
        Binding("minus", "priority(-1)", "Lower priority of the group"),
        Binding("y", "copy('id')", "Copy the run's id"),
        Binding("Y", "copy('request')", "Copy the run's request"),
        Binding("tab,shift+tab", "switch", "Between table and plot"),
        Binding("escape", "leave", "Back"),
    ]
    KEYS: ClassVar[Sequence[Key]] = (
        Key("esc", "back", "leave"),
        Key("↵", "open", "open('log')"),
        Key("v", "curves/metric", "view"),
        Key("]", "parameter", "parameter(1)"),
        Key("p", "pause", "pause"),
        Key("X", "cancel", "cancel_group"),
        Key("F", "retry failed", "retry_group"),
        Key("?", "help", "help"),
        Key("C", "copy & run", "rerun"),
        Key("Y", "copy request", "copy('request')"),
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]  # noqa: RUF012 - Textual's own annotation
    DEFAULT_CSS = """
    GroupScreen #title { height: 1; padding: 0 1; background: $boost; }
    GroupScreen #main { height: 1fr; layout: vertical; }
    GroupScreen #trials { height: 1fr; }
    GroupScreen #plot { height: 45%; border-top: solid $panel; }
    GroupScreen.-wide #main { layout: horizontal; }
    GroupScreen.-wide #trials { width: 3fr; height: 1fr; }
    GroupScreen.-wide #plot { width: 2fr; height: 1fr; border-top: none; border-left: solid $panel; }
    """

    def __init__(self, group_id: str) -> None:
        super().__init__()
        self._group_id = group_id
        self._group: GroupView | None = None
        self._trials: Trials | None = None
        self._shown: tuple[int, ...] = ()
        self._parameter = 0
        self._is_curves = False

    def content(self) -> Iterable[Widget]:
        """Lay out the title, the table and the plot."""
        yield Static(id="title", markup=False)
        with Container(id="main"):
            yield TrialTable(id="trials")
            yield Plot(id="plot")

    def on_mount(self) -> None:
        """Start with the table."""
        self.table.focus()

    @property
    def table(self) -> TrialTable:
        """The table of runs."""
        return self.query_one(TrialTable)

    def show_snapshot(self, snapshot: QueueSnapshot) -> None:
        """Read the group again if something in it has changed."""
        super().show_snapshot(snapshot)
        group = next((g for g in snapshot.groups if g.group_id == self._group_id), None)
        if group is None:
            self.say("this group is no longer in the journal", is_error=True)
            return
        self._group = group
        self._show_title(group)
        counts = (group.queued, group.running, group.succeeded, group.failed, group.canceled, group.total)
        if counts != self._shown:
            self._shown = counts
            self.run_worker(self._read, thread=True, exclusive=True, group="trials")

    def tick(self) -> None:
        """Update running times."""
        self.table.repaint_changed()

    def _read(self) -> None:
        try:
            trials = self.runforge.read_trials(self._group_id)
        except RunForgeError as error:
            self.app.call_from_thread(self.say, str(error), is_error=True)
            return
        self.app.call_from_thread(self._show_trials, trials)

    def _show_trials(self, trials: Trials) -> None:
        if trials.why_none and (self._trials is None or self._trials.why_none != trials.why_none):
            self.say(f"no run is best: {trials.why_none}")
        self._trials = trials
        self._parameter = min(self._parameter, max(0, len(trials.parameters) - 1))
        self.table.show(trials, self._selected())
        self._draw()

    def _selected(self) -> str:
        parameters = self._trials.parameters if self._trials else []
        return parameters[self._parameter] if parameters else ""

    def _show_title(self, group: GroupView) -> None:
        ended, state = ended_runs(group), group_state(group)
        text = Text(no_wrap=True, end="")
        text.append(f"{cells.state_cell(state)} ", "bold")
        text.append(cells.bar(ended, group.total, 12))
        text.append(f" {ended}/{group.total}  {group.running} running  {group.failed} failed  ")
        text.append(safe(f"{group.name}  {group.notes or ''}"), "bold")
        self.query_one("#title", Static).update(text)

    def _draw(self) -> None:
        if self._trials is None:
            return
        if self._is_curves:
            jobs = [job for job in self._trials.jobs if job.state != "queued"][:_MOST_CURVES]
            self.run_worker(lambda: self._read_curves(jobs), thread=True, exclusive=True, group="curves")
            return
        name = self._selected()
        points, categories = self._trials.against(name)
        axis = name.rpartition(".")[2] + (f" ({', '.join(categories)})" if categories else "")
        series = (
            [Series(axis, [x for x, _ in points], [y for _, y in points], kind="points")] if points else []
        )
        title = "no run is best" if self._trials.why_none else ""
        self.query_one(Plot).show(series, x_label=axis, y_label=self._trials.metric, title=title)

    def _read_curves(self, jobs: list[JobView]) -> None:
        metric = self._trials.metric if self._trials else ""
        title = "best runs" if self._trials and self._trials.ranked else "runs"
        series = []
        for job in jobs:
            curves = read_curves(self.runforge.workspace.root / job.run_dir)
            curve = curves.get(metric) or next(iter(curves.values()), None)
            if curve is not None:
                series.append(Series(job.run_id[-10:], curve.steps, curve.values))
        self.app.call_from_thread(
            self.query_one(Plot).show, series, x_label="step", y_label=metric, title=title
        )

    @on(RowList.Chosen, "#trials")
    def _open_chosen(self) -> None:
        self.action_open("log")

    def action_open(self, tab: str) -> None:
        """Open the run under the cursor."""
        job = self.table.job_at_cursor()
        if job is not None:
            self.runforge.show_run(job, tab)

    def action_view(self) -> None:
        """Switch to the other plot."""
        self._is_curves = not self._is_curves
        self._draw()

    def action_parameter(self, by: int) -> None:
        """Plot against another parameter."""
        if self._trials is None or not self._trials.parameters:
            self.say("no parameter of this group varies", is_error=True)
            return
        self._is_curves = False
        self._parameter = (self._parameter + by) % len(self._trials.parameters)
        self.table.show(self._trials, self._selected())
        self._draw()

    def action_switch(self) -> None:
        """Move between table and plot."""
        plot = self.query_one(Plot)
        (self.table if plot.has_focus else plot).focus()

    def action_cancel_run(self) -> None:
        """Cancel the run under the cursor."""
        job = self.table.job_at_cursor()
        if job is not None:
            self.cancel_jobs([job])

    def action_cancel_group(self) -> None:
        """Cancel all live runs of the group."""
        if (group := self._group) is not None:
            lines = [f"{group.running} running (TERM, 10 s, KILL), {group.queued} queued"]
            self.ask(f"Cancel group {group.name}?", lines, lambda: self.runforge.steering.cancel_group(group))

    def action_retry_run(self) -> None:
        """Retry the run under the cursor."""
        job = self.table.job_at_cursor()
        if job is not None:
            self.act(lambda: self.runforge.steering.retry([job]))

    def action_retry_group(self) -> None:
        """Retry the failed runs."""
        if (group := self._group) is not None:
            self.act(lambda: self.runforge.steering.retry_group(group))

    def action_rerun(self) -> None:
        """Enqueue a copy of the run under the cursor."""
        job = self.table.job_at_cursor()
        if job is not None:
            self.act(lambda: self.runforge.steering.rerun(job))

    def action_pause(self) -> None:
        """Pause or resume the group."""
        if (group := self._group) is not None:
            self.act(lambda: self.runforge.steering.toggle_pause([group]))

    def action_priority(self, by: int) -> None:
        """Raise or lower the priority of the group's live runs."""
        if (group := self._group) is not None:
            self.act(lambda: self.runforge.steering.change_group_priority(group, by))

    def action_copy(self, what: str) -> None:
        """Copy the id or the request of the run under the cursor."""
        job = self.table.job_at_cursor()
        if job is not None:
            self.runforge.copy(job, what)
