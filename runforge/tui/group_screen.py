"""A group: its sweep as a table, the best run first, how much its parameters matter, and charts of its runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from runforge import cells
from runforge.text import safe
from runforge.tui.bars import Key
from runforge.tui.changing_screen import RUN_KEYS, ChangingScreen
from runforge.tui.plot import PLOT_KEYS
from runforge.tui.row_list import RowList
from runforge.tui.sweep_plots import SweepPlots
from runforge.tui.sweeping import EXTEND, STOP, Sweeping
from runforge.tui.trial_table import TrialTable
from runforge.views.labels import ended_runs, group_state, sweep_words
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import GroupView, JobView
from runforge.views.trials import Trials, Weighed

if TYPE_CHECKING:
    from runforge.tui.live import Live

_CURVE_SECONDS = 1.0


class GroupScreen(Sweeping, ChangingScreen):
    """One group, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "view", "Beside the table: the next of these four"),
        Binding("1", "view('parameter')", "Metric against a parameter"),
        Binding("2", "view('curves')", "Curves of the marked runs, or the best ones"),
        Binding("3", "view('best')", "Best so far over the trials"),
        Binding("4", "view('pairs')", "A parameter against the others"),
        Binding("equals_sign", "compare", "Compare the marked runs, or the best ones"),
        *PLOT_KEYS,
        Binding("right_square_bracket", "parameter(1)", "Plot against the next parameter"),
        Binding("left_square_bracket", "parameter(-1)", "Plot against the previous parameter"),
        EXTEND,
        STOP,
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
        Key("b", "plots", "view"),
        Key("=", "compare", "compare"),
        Key("E", "extend", "extend"),
        Key("T", "stop rule", "stop_rule"),
        Key("p", "pause", "pause"),
        Key("?", "help", "help"),
        Key("space", "mark", "mark"),
        Key("]", "parameter", "parameter(1)"),
        Key("X", "cancel", "cancel_group"),
        Key("F", "retry failed", "retry_group"),
        Key("C", "copy & run", "rerun"),
        Key("Y", "copy request", "copy('request')"),
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - Textual's own annotation
    VERTICAL_BREAKPOINTS = [(0, "-short"), (36, "-tall")]  # noqa: RUF012
    DEFAULT_CSS = """
    GroupScreen #title { height: 1; padding: 0 1; background: $boost; }
    GroupScreen #main { height: 1fr; layout: vertical; }
    GroupScreen #trials { height: 2fr; }
    GroupScreen #plots { height: 3fr; }
    GroupScreen #plot { height: 1fr; }
    GroupScreen.-short #importance { height: 1; }
    GroupScreen.-wide #main { layout: horizontal; }
    GroupScreen.-wide #trials { width: 9fr; height: 1fr; }
    GroupScreen.-wide #plots { width: 11fr; height: 1fr; }
    """

    def __init__(self, group_id: str) -> None:
        super().__init__()
        self._group_id = group_id
        self._group: GroupView | None = None
        self._trials: Trials | None = None
        self._shown: tuple[int, ...] = ()
        self._marked: dict[str, JobView] = {}

    def content(self) -> Iterable[Widget]:
        """Lay out the title, the table and the plot."""
        yield Static(id="title", markup=False)
        with Container(id="main"):
            yield TrialTable(id="trials", classes="panel")
            yield SweepPlots(self._show_looks, id="plots")

    def on_mount(self) -> None:
        """Start with the table."""
        self.table.focus()
        self._name_panels()
        self.set_interval(_CURVE_SECONDS, self.plots.refresh_curves)

    @property
    def table(self) -> TrialTable:
        """The table of runs."""
        return self.query_one(TrialTable)

    @property
    def plots(self) -> SweepPlots:
        """What is drawn beside it."""
        return self.query_one(SweepPlots)

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
            self._read()

    def show_changed(self) -> None:
        """Let keys wait for the runs as they are now."""
        self._read(is_awaited=True)

    def tick(self) -> None:
        """Update running times and values."""
        self.table.repaint_changed()

    def show_progress(self, progress: dict[str, Live]) -> None:
        """Show the last values of running runs at the next tick."""
        self.table.show_live(progress)

    def _read(self, *, is_awaited: bool = False) -> None:
        """Read the runs; keys may wait for them, and do so the first time."""
        ask, group_id, is_awaited = (
            self.runforge.read_trials,
            self._group_id,
            is_awaited or self._trials is None,
        )

        def read() -> tuple[Trials, Weighed]:
            trials = ask(group_id)
            return trials, trials.weighed()

        self.runforge.read(
            self, read, self._show_trials, key="" if is_awaited else "trials", is_awaited=is_awaited
        )

    def _show_trials(self, read: tuple[Trials, Weighed]) -> None:
        trials, weighed = read
        if not bool(self.query(TrialTable)) or not bool(self.query(SweepPlots)):
            return  # the screens were closed while it was read
        if trials.why_none and (self._trials is None or self._trials.why_none != trials.why_none):
            self.say(f"no run is best: {trials.why_none}")
        self._trials = trials
        self._name_panels()
        self.plots.show(trials, weighed)
        self.table.show_live(self.runforge.live)
        self.table.show(trials, self.plots.parameter)

    def _show_looks(self, looks: Mapping[str, int]) -> None:
        self.table.show_looks(looks, self._marked)

    def _show_title(self, group: GroupView) -> None:
        ended, state = ended_runs(group), group_state(group)
        text = Text(no_wrap=True, end="")
        text.append(f"{cells.state_cell(state)} ", "bold")
        text.append(cells.bar(ended, group.total, 12))
        text.append(f" {ended}/{group.total}  {group.running} running  {group.failed} failed  ")
        text.append(safe(group.name), "bold")
        if why := sweep_words(group, is_short=True):
            text.append(safe(f"  {why}"))
        text.append(safe(f"  {group.notes or ''}"), "bold")
        self.query_one("#title", Static).update(text)

    def _name_panels(self) -> None:
        """Say in the border what the table has."""
        trials = self._trials
        why = f": no run is best, {trials.why_none}" if trials and trials.why_none else ""
        self.table.border_title = Content("Runs, best first" if trials and trials.ranked else f"Runs{why}")

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
        self.table.show_looks({}, self._marked)
        self.plots.mark(self._marked)

    def action_mark(self) -> None:
        """Mark the run under the cursor (for a click on the key bar; the table handles the key)."""
        self.table.action_mark()

    def action_compare(self) -> None:
        """Show the curves of the marked runs alone."""
        if jobs := self.plots.runs():
            self.runforge.show_compared(jobs)
        else:
            self.say("no run of this group has started yet", is_error=True)

    def why_names(self) -> list[str]:
        """Return this group."""
        return [self._group_id]

    async def action_plot(self, action: str) -> None:
        """Do something with the plot, wherever the cursor is."""
        await self.plots.plot.run_action(action)

    def action_view(self, view: str = "") -> None:
        """Draw something else beside the table: this, or the next."""
        self.plots.turn(view)

    def with_group(self, then: Callable[[GroupView], None]) -> None:
        """Continue with this group."""
        if self._group is not None:
            then(self._group)

    def action_parameter(self, by: int) -> None:
        """Plot against another parameter."""
        if self.plots.next_parameter(by) and self._trials is not None:
            self.table.show(self._trials, self.plots.parameter)
        else:
            self.say("no parameter of this group varies", is_error=True)

    def action_switch(self) -> None:
        """Move between table and plot."""
        plot = self.plots.plot
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
