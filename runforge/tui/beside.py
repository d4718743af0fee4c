"""What is beside the table of jobs: the curves of the run under the cursor, or the end of its log, or both.

Its parts are made and imported when there is room for it: the first paint does not wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.containers import Container
from textual.content import Content

from runforge.text import safe
from runforge.tui import differences
from runforge.tui.job_columns import short_id
from runforge.tui.log_view import LogView
from runforge.tui.ports import AppPort
from runforge.views.shown import JobView

if TYPE_CHECKING:
    from runforge.metrics.run_curves import RunCurves
    from runforge.tui.curve_panels import Charts
    from runforge.tui.plot import Plot

#: A curve that grows changes all its cells: oftener would be too much for a slow line.
_CURVE_SECONDS = 5.0
#: With this many lines there is room for both.
_BOTH = 22


class Beside(Container):
    """Curves and log of one run. It does not take the keys."""

    DEFAULT_CSS = """
    Beside { layout: vertical; }
    Beside > Plot { height: 1fr; }
    Beside > LogView { height: 1fr; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id, classes="panel")
        self._job: JobView | None = None
        self._objective: str | None = None
        self._curves: RunCurves | None = None
        self._plot: Plot | None = None
        self._log: LogView | None = None
        self._has_curves = False
        self._prefers_log = False

    @property
    def _app(self) -> AppPort:
        return cast("AppPort", self.app)

    def on_mount(self) -> None:
        """Look at the run's metrics from time to time."""
        self.set_interval(_CURVE_SECONDS, self._look)

    def on_resize(self) -> None:
        """Show one or both, as there is room."""
        self._arrange()

    def _fill(self) -> LogView:
        """Make the curves above the log, once; the keys stay with the tables."""
        from runforge.tui.plot import Plot

        if self._log is None:
            self._plot, self._log = Plot(id="peek-curves"), LogView(self._app.read, id="peek")
            self._plot.can_focus = self._log.can_focus = False
            self._plot.display = False
            self.mount(self._plot, self._log)
        return self._log

    def show(self, job: JobView, objective: str | None, number: int) -> None:
        """Show a run; called often with the same one."""
        from runforge.metrics.run_curves import RunCurves

        if self._job is not None and (job.run_id, job.attempt) == (self._job.run_id, self._job.attempt):
            self._job, self._objective = job, objective
            return
        self._job, self._objective, self._has_curves = job, objective, False
        folder = self._app.workspace.root / job.run_dir
        self._curves = RunCurves(folder)
        self._fill().show(folder / "logs.txt")
        words = differences.words(job, list(job.overrides))
        self.border_title = Content(safe(f"#{number} {short_id(job.run_id)}  {words}", 80))
        self._look()

    def toggle(self) -> None:
        """Show the log where the curves are, or the other way round."""
        self._prefers_log = not self._prefers_log
        self._arrange()

    def _look(self) -> None:
        """Read what the run has reported by now."""
        curves, objective = self._curves, self._objective
        if curves is None or not self.display or not self.screen.is_current:
            return

        def look() -> Charts | None:
            from runforge.tui.curve_panels import of_run

            return of_run(curves, objective)

        def show(found: Charts | None) -> None:
            if (
                curves is self._curves
                and self._plot is not None
                and (found is not None or not self._has_curves)
            ):
                self._has_curves = bool(found and found.panels)
                self._plot.show(found.panels if found else [])
                self._arrange()

        self._app.read(self, look, show, key="curves")

    def _arrange(self) -> None:
        if self._plot is None or self._log is None:
            return
        has_both = self.size.height >= _BOTH
        self._plot.display = self._has_curves and (has_both or not self._prefers_log)
        self._log.display = not self._plot.display or has_both
        hint = "b log" if self._plot.display else "b curves"
        self.border_subtitle = Content(hint if self._has_curves and not has_both else "")
