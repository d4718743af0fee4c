"""A group: its sweep as a table, the best run first, and a plot of the metric or of all curves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from runforge import cells
from runforge.errors import RunForgeError
from runforge.text import safe
from runforge.tui.bars import Key
from runforge.tui.changing_screen import RUN_KEYS, ChangingScreen
from runforge.tui.curve_panels import MOST_RUNS, CurvesOfRuns, ManyCurves, against
from runforge.tui.plot import PLOT_KEYS, Plot
from runforge.tui.row_list import RowList
from runforge.tui.trial_table import TrialTable
from runforge.views.labels import ended_runs, group_state
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import GroupView, JobView
from runforge.views.trials import Trials

if TYPE_CHECKING:
    from runforge.tui.live import Live

_CURVE_SECONDS = 1.0


class GroupScreen(ChangingScreen):
    """One group, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "view", "Beside the table: metric against a parameter, or the runs' curves"),
        Binding("equals_sign", "compare", "Compare the marked runs, or the best ones"),
        *PLOT_KEYS,
        Binding("right_square_bracket", "parameter(1)", "Plot against the next parameter"),
        Binding("left_square_bracket", "parameter(-1)", "Plot against the previous parameter"),
        Binding("l", "open('log')", "Log of the run"),
        Binding("c", "open('curves')", "Curves of the run"),
        Binding("i", "open('info')", "All about the run"),
        Binding("x", "cancel_run", "Cancel the run"),
        Binding("X", "cancel_group", "Cancel the group"),
        Binding("r", "retry_run", "Retry the run"),
        Binding("F", "retry_group", "Retry all failed runs of the group"),
        *RUN_KEYS,
        Binding("p", "pause", "Pause or resume the group"),
        Binding("plus", "priority(1)", "Higher priority of the group"),
        Binding("minus", "priority(-1)", "Lower priority of the group"),
        Binding("tab,shift+tab", "switch", "Between table and plot"),
        Binding("escape", "leave", "Back"),
    ]
    KEYS: ClassVar[Sequence[Key]] = (
        Key("esc", "back", "leave"),
        Key("↵", "open", "open('log')"),
        Key("b", "curves", "view"),
        Key("space", "mark", "mark"),
        Key("=", "compare", "compare"),
        Key("]", "parameter", "parameter(1)"),
        Key("p", "pause", "pause"),
        Key("X", "cancel", "cancel_group"),
        Key("F", "retry failed", "retry_group"),
        Key("?", "help", "help"),
        Key("C", "copy & run", "rerun"),
        Key("Y", "copy request", "copy('request')"),
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own annotation
    DEFAULT_CSS = """
    GroupScreen #title { height: 1; padding: 0 1; background: $boost; }
    GroupScreen #main { height: 1fr; layout: vertical; }
    GroupScreen #trials { height: 2fr; }
    GroupScreen #plot { height: 3fr; }
    GroupScreen.-wide #main { layout: horizontal; }
    GroupScreen.-wide #trials { width: 9fr; height: 1fr; }
    GroupScreen.-wide #plot { width: 11fr; height: 1fr; }
    """

    def __init__(self, group_id: str) -> None:
        super().__init__()
        self._group_id = group_id
        self._group: GroupView | None = None
        self._trials: Trials | None = None
        self._shown: tuple[int, ...] = ()
        self._parameter = 0
        self._is_curves = False
        self._marked: dict[str, JobView] = {}
        self._curves: CurvesOfRuns | None = None

    def content(self) -> Iterable[Widget]:
        """Lay out the title, the table and the plot."""
        yield Static(id="title", markup=False)
        with Container(id="main"):
            yield TrialTable(id="trials", classes="panel")
            yield Plot(id="plot", classes="panel")

    def on_mount(self) -> None:
        """Start with the table."""
        self.table.focus()
        self._name_panels()
        self.set_interval(_CURVE_SECONDS, self._refresh_curves)

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
        """Update running times and values."""
        self.table.repaint_changed()

    def show_progress(self, progress: dict[str, Live]) -> None:
        """Show the last values of running runs at the next tick."""
        self.table.show_live(progress)

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
        self.table.show_live(self.runforge.live)
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
        self._name_panels()
        if self._is_curves:
            self._refresh_curves(is_new=True)
            return
        self.table.show_looks({}, self._marked)
        panel = against(self._trials, self._selected())
        self.query_one(Plot).show(
            [panel], empty=self._trials.why_none or "no run has ended with a metric yet"
        )

    def _name_panels(self) -> None:
        """Say in the borders what is where."""
        trials = self._trials
        why = f": no run is best, {trials.why_none}" if trials and trials.why_none else ""
        self.table.border_title = Content("Runs, best first" if trials and trials.ranked else f"Runs{why}")
        title = "Curves of the marked runs" if self._marked else "Curves of the best runs"
        self.query_one(Plot).border_title = Content(
            title if self._is_curves else "Metric against a parameter"
        )

    def _drawn(self) -> list[JobView]:
        """Return the runs whose curves are drawn: the marked ones, or the first that have started."""
        jobs = self._trials.jobs if self._trials else []
        started = [job for job in jobs if job.state != "queued"]
        return [job for job in jobs if job.run_id in self._marked] or started[:MOST_RUNS]

    def _refresh_curves(self, *, is_new: bool = False) -> None:
        """Draw what the runs have reported by now."""
        if self._trials is None or not self._is_curves or not self.is_current:
            return
        if is_new or self._curves is None:
            self._curves = CurvesOfRuns(self.runforge.workspace.root)
        curves, jobs, metric = self._curves, self._drawn(), self._trials.metric
        looks = {job.run_id: look for look, job in enumerate(jobs)}

        def show(found: ManyCurves | None) -> None:
            if found is not None and self._is_curves:
                self.table.show_looks(looks, self._marked)
                self.query_one(Plot).show(found.panels, legend=found.legend)

        self.runforge.read(self, lambda: curves.read(jobs, metric or None), show, key="curves")

    @on(RowList.Chosen, "#trials")
    def _open_chosen(self) -> None:
        self.action_open("log")

    def action_open(self, tab: str) -> None:
        """Open the run under the cursor."""
        job = self.table.job_at_cursor()
        if job is not None:
            self.runforge.show_run(job, tab)

    @on(TrialTable.Toggled)
    def _toggle(self, event: TrialTable.Toggled) -> None:
        if self._marked.pop(event.job.run_id, None) is None:
            self._marked[event.job.run_id] = event.job
        self._draw()

    def action_mark(self) -> None:
        """Mark the run under the cursor (for a click on the key bar; the table handles the key)."""
        self.table.action_mark()

    def action_compare(self) -> None:
        """Show the curves of the marked runs alone."""
        if jobs := self._drawn():
            self.runforge.show_compared(jobs)
        else:
            self.say("no run of this group has started yet", is_error=True)

    def why_names(self) -> list[str]:
        """Return this group."""
        return [self._group_id]

    async def action_plot(self, action: str) -> None:
        """Do something with the plot, wherever the cursor is."""
        await self.query_one(Plot).run_action(action)

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

    def action_pause(self) -> None:
        """Pause or resume the group."""
        if (group := self._group) is not None:
            self.act(lambda: self.runforge.steering.toggle_pause([group]))

    def action_priority(self, by: int) -> None:
        """Raise or lower the priority of the group's live runs."""
        if (group := self._group) is not None:
            self.act(lambda: self.runforge.steering.change_group_priority(group, by))

    def with_chosen(self, then: Callable[[list[JobView]], None]) -> None:
        """Continue with the marked runs, or the one under the cursor, as they are now."""
        jobs = self._trials.jobs if self._trials else []
        marked = [job for job in jobs if job.run_id in self._marked]
        current = self.table.job_at_cursor()
        then(marked or ([current] if current else []))

    def with_current(self, then: Callable[[JobView], None]) -> None:
        """Continue with the run under the cursor."""
        if (job := self.table.job_at_cursor()) is not None:
            then(job)
