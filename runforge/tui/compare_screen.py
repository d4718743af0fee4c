"""Runs side by side: their curves in small charts, and a table of what they differ in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget

from runforge.tui import differences
from runforge.tui.bars import Key
from runforge.tui.base_screen import BaseScreen
from runforge.tui.curve_panels import MOST_RUNS, CurvesOfRuns, ManyCurves
from runforge.tui.plot import PLOT_KEYS, ZOOM_KEYS, Plot
from runforge.tui.row_list import RowList
from runforge.tui.trial_table import TrialTable
from runforge.views.shown import JobView
from runforge.views.trials import Trials

if TYPE_CHECKING:
    from runforge.tui.live import Live

_CURVE_SECONDS = 1.0


class CompareScreen(BaseScreen):
    """Some runs, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *PLOT_KEYS,
        *ZOOM_KEYS,
        Binding("a", "all", "Draw all of them again"),
        Binding("l", "open('log')", "Log of the run"),
        Binding("c", "open('curves')", "Curves of the run"),
        Binding("i", "open('info')", "All about the run"),
        Binding("y", "copy('id')", "Copy the run's id"),
        Binding("Y", "copy('request')", "Copy the run's request"),
        Binding("tab,shift+tab", "switch", "Between table and charts"),
        Binding("escape", "leave", "Back"),
    ]
    KEYS: ClassVar[Sequence[Key]] = (
        Key("esc", "back", "leave"),
        Key("space", "mark", "mark"),
        Key("tab", "charts", "switch"),
        Key(".", "metric", "plot('next_panel(1)')"),
        Key("L", "log axes", "plot('log_scale')"),
        Key("~", "smooth", "plot('smooth')"),
        Key("?", "help", "help"),
        Key("+", "zoom", "plot('zoom(1)')"),
        Key("a", "all", "all"),
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide")]  # noqa: RUF012 - Textual's own annotation
    DEFAULT_CSS = """
    CompareScreen #main { height: 1fr; layout: vertical; }
    CompareScreen #plot { height: 1fr; }
    CompareScreen #trials { height: 1fr; min-height: 4; max-height: 40%; }
    """

    def __init__(self, jobs: Sequence[JobView]) -> None:
        super().__init__()
        self._jobs = list(jobs[:MOST_RUNS])
        self._hidden: set[str] = set()
        self._curves: CurvesOfRuns | None = None
        self._metric = ""

    def content(self) -> Iterable[Widget]:
        """Lay out the charts above the table."""
        with Container(id="main"):
            yield Plot(id="plot", classes="panel")
            yield TrialTable(id="trials", classes="panel")

    @property
    def table(self) -> TrialTable:
        """The table of runs."""
        return self.query_one(TrialTable)

    def on_mount(self) -> None:
        """Show the runs and read what they report."""
        self._metric = self._objective()
        self._curves = CurvesOfRuns(self.runforge.workspace.root)
        self.query_one(Plot).border_title = Content(f"Compare {len(self._jobs)} runs")
        self.table.border_title = Content("What they differ in")
        self.table.styles.height = len(self._jobs) + 3
        self.table.show_live(self.runforge.live)
        self.table.show(Trials(self._jobs, differences.differing(self._jobs), self._metric))
        self.table.focus()
        self.set_interval(_CURVE_SECONDS, self._refresh)
        self._refresh()

    def _objective(self) -> str:
        """Return the metric that these runs are about."""
        groups = self.runforge.snapshot.groups if self.runforge.snapshot else []
        wanted = {job.group_id for job in self._jobs}
        objectives = [group.objective_metric for group in groups if group.group_id in wanted]
        named = [job.metric_name for job in self._jobs]
        return next((metric for metric in [*objectives, *named] if metric), "")

    def show_progress(self, progress: dict[str, Live]) -> None:
        """Show the last values of running runs at the next tick."""
        self.table.show_live(progress)

    def tick(self) -> None:
        """Update running times and values."""
        self.table.repaint_changed()

    def _refresh(self) -> None:
        """Draw what the runs have reported by now."""
        if self._curves is None or not self.is_current:
            return
        curves, jobs, metric = self._curves, self._jobs, self._metric
        hidden = frozenset(self._hidden)
        looks = {job.run_id: look for look, job in enumerate(jobs) if job.run_id not in hidden}

        def show(found: ManyCurves | None) -> None:
            self.table.show_looks(looks, ())
            if found is not None:
                self.query_one(Plot).show(found.panels, empty="none of these runs has reported a metric")

        self.runforge.read(self, lambda: curves.read(jobs, metric or None, hidden), show, key="curves")

    @on(TrialTable.Toggled)
    def _toggle(self, event: TrialTable.Toggled) -> None:
        self._hidden ^= {event.job.run_id}
        self._refresh()

    def action_mark(self) -> None:
        """Draw the run under the cursor, or not (for a click on the key bar; the table handles the key)."""
        self.table.action_mark()

    def action_all(self) -> None:
        """Draw all runs."""
        self._hidden.clear()
        self._refresh()

    async def action_plot(self, action: str) -> None:
        """Do something with the charts, wherever the cursor is."""
        await self.query_one(Plot).run_action(action)

    @on(RowList.Chosen, "#trials")
    def _open_chosen(self) -> None:
        self.action_open("log")

    def action_open(self, tab: str) -> None:
        """Open the run under the cursor."""
        if (job := self.table.job_at_cursor()) is not None:
            self.runforge.show_run(job, tab)

    def action_copy(self, what: str) -> None:
        """Copy the id or the request of the run under the cursor."""
        if (job := self.table.job_at_cursor()) is not None:
            self.runforge.copy(job, what)

    def action_switch(self) -> None:
        """Move between table and charts."""
        plot = self.query_one(Plot)
        (self.table if plot.has_focus else plot).focus()
