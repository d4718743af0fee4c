"""What is drawn beside a sweep's table: how much its parameters matter, and below one of four charts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from runforge.tui import sweep_panels
from runforge.tui.curve_panels import MOST_RUNS, CurvesOfRuns, ManyCurves
from runforge.tui.importance_view import ImportanceView
from runforge.tui.plot import Plot
from runforge.tui.ports import AppPort
from runforge.tui.sweep_panels import Drawn
from runforge.views.shown import JobView
from runforge.views.trials import Trials, Weighed

_PARAMETER, CURVES, _BEST, _PAIRS = "parameter", "curves", "best", "pairs"
_TITLES = {
    _PARAMETER: "Metric against a parameter",
    CURVES: "Curves of the best runs",
    _BEST: "Best so far over the trials",
    _PAIRS: "A parameter against the others",
}
_VIEWS = list(_TITLES)


class SweepPlots(Vertical):
    """The charts of one sweep; `show_looks` is told which runs have which sign."""

    def __init__(self, show_looks: Callable[[Mapping[str, int]], None], *, id: str) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id)
        self._show_looks = show_looks
        self._trials: Trials | None = None
        self._weighed: Weighed | None = None
        self._marked: Mapping[str, JobView] = {}
        self._parameter = 0
        self._shown = _PARAMETER
        self._curves: CurvesOfRuns | None = None

    def compose(self) -> ComposeResult:
        """Lay out the importance above the chart."""
        yield ImportanceView(id="importance", classes="panel")
        yield Plot(id="plot", classes="panel")

    def on_mount(self) -> None:
        """Say what will be here."""
        self._name_plot()

    @property
    def plot(self) -> Plot:
        """The chart."""
        return self.query_one(Plot)

    @property
    def _app(self) -> AppPort:
        return cast("AppPort", self.app)

    @property
    def parameter(self) -> str:
        """The parameter that is looked at; empty if there is none."""
        parameters = self._trials.parameters if self._trials else []
        return parameters[self._parameter] if parameters else ""

    def show(self, trials: Trials, weighed: Weighed) -> None:
        """Show the runs as they are now."""
        self._trials, self._weighed = trials, weighed
        self._parameter = min(self._parameter, max(0, len(trials.parameters) - 1))
        self.query_one(ImportanceView).show(weighed)
        self._draw()

    def mark(self, marked: Mapping[str, JobView]) -> None:
        """Draw the curves of these runs, if there are any."""
        self._marked = marked
        self._draw()

    def turn(self, to: str = "") -> None:
        """Draw something else: this, or the next."""
        self._shown = to or _VIEWS[(_VIEWS.index(self._shown) + 1) % len(_VIEWS)]
        self._draw()

    def next_parameter(self, by: int) -> bool:
        """Look at another parameter; False if none varies."""
        if self._trials is None or not self._trials.parameters:
            return False
        if self._shown not in {_PARAMETER, _PAIRS}:
            self._shown = _PARAMETER
        self._parameter = (self._parameter + by) % len(self._trials.parameters)
        self._draw()
        return True

    def runs(self) -> list[JobView]:
        """Return the runs whose curves are drawn: the marked ones, or the first that have started."""
        jobs = self._trials.jobs if self._trials else []
        started = [job for job in jobs if job.state != "queued"]
        return [job for job in jobs if job.run_id in self._marked] or started[:MOST_RUNS]

    def _draw(self) -> None:
        """Draw; in the reading thread, because runs may be thousands."""
        trials, weighed, shown = self._trials, self._weighed, self._shown
        if trials is None or weighed is None:
            return
        self._name_plot()
        if shown == CURVES:
            self.refresh_curves(is_new=True)
            return
        self._show_looks({})
        parameter, order = self.parameter, [each.path for each in weighed.parameters]

        def draw() -> Drawn:
            if shown == _BEST:
                return sweep_panels.best_so_far(trials)
            if shown == _PAIRS:
                return sweep_panels.pairs(trials, parameter, order)
            return sweep_panels.against(trials, parameter)

        def show(drawn: Drawn) -> None:
            if self._shown == shown:
                self.plot.show(drawn.panels, legend=drawn.legend, empty=drawn.empty)

        self._app.read(self, draw, show, key="plot")

    def refresh_curves(self, *, is_new: bool = False) -> None:
        """Draw what the runs have reported by now."""
        trials = self._trials
        if trials is None or self._shown != CURVES or not self.screen.is_current:
            return
        if is_new or self._curves is None:
            self._curves = CurvesOfRuns(self._app.workspace.root)
        curves, jobs = self._curves, self.runs()
        looks = {job.run_id: look for look, job in enumerate(jobs)}

        def show(found: ManyCurves | None) -> None:
            if found is not None and self._shown == CURVES:
                self._show_looks(looks)
                self.plot.show(found.panels, legend=found.legend)

        self._app.read(self, lambda: curves.read(jobs, trials.metric or None), show, key="curves")

    def _name_plot(self) -> None:
        """Say in the border which chart this is."""
        title = _TITLES[self._shown]
        if self._shown == CURVES and self._marked:
            title = "Curves of the marked runs"
        self.plot.border_title = Content(f"{title} ({_VIEWS.index(self._shown) + 1} of {len(_VIEWS)})")
