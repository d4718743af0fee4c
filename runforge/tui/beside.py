"""What is beside the table of jobs: the curves of the run under the cursor, or the end of its log, or both."""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

from textual.containers import Container
from textual.content import Content
from textual.widget import Widget

from runforge.metrics import jsonl
from runforge.metrics.curves import CurveFile
from runforge.text import safe
from runforge.tui import differences
from runforge.tui.curve_panels import RunCurves, of_run
from runforge.tui.job_columns import short_id
from runforge.tui.log_view import LogView
from runforge.tui.plot import Plot
from runforge.tui.ports import AppPort
from runforge.views.shown import JobView

_CURVE_SECONDS = 2.0
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
        self._file: CurveFile | None = None
        self._has_curves = False
        self._prefers_log = False

    def compose(self) -> Iterable[Widget]:
        """Lay out curves above the log."""
        yield Plot(id="peek-curves")
        yield LogView(self._app.read, id="peek")

    @property
    def _app(self) -> AppPort:
        return cast("AppPort", self.app)

    @property
    def _plot(self) -> Plot:
        return self.query_one(Plot)

    def on_mount(self) -> None:
        """Show nothing yet; the keys stay with the tables."""
        self._plot.can_focus = self.query_one(LogView).can_focus = False
        self._arrange()
        self.set_interval(_CURVE_SECONDS, self._look)

    def on_resize(self) -> None:
        """Show one or both, as there is room."""
        self._arrange()

    def show(self, job: JobView, objective: str | None, number: int) -> None:
        """Show a run; called often with the same one."""
        if self._job is not None and (job.run_id, job.attempt) == (self._job.run_id, self._job.attempt):
            self._job, self._objective = job, objective
            return
        self._job, self._objective, self._has_curves = job, objective, False
        folder = self._app.workspace.root / job.run_dir
        self._file = CurveFile(folder / jsonl.NAME)
        self.query_one(LogView).show(folder / "logs.txt")
        words = differences.words(job, list(job.overrides))
        self.border_title = Content(safe(f"#{number} {short_id(job.run_id)}  {words}", 80))
        self._look()

    def toggle(self) -> None:
        """Show the log where the curves are, or the other way round."""
        self._prefers_log = not self._prefers_log
        self._arrange()

    def _look(self) -> None:
        """Read what the run has reported by now."""
        file, objective = self._file, self._objective
        if file is None or not self.display or not self.screen.is_current:
            return

        def show(found: RunCurves | None) -> None:
            if file is self._file and (found is not None or not self._has_curves):
                self._has_curves = bool(found and found.panels)
                self._plot.show(found.panels if found else [])
                self._arrange()

        self._app.read(self, lambda: of_run(file, objective), show, key="curves")

    def _arrange(self) -> None:
        log, has_both = self.query_one(LogView), self.size.height >= _BOTH
        self._plot.display = self._has_curves and (has_both or not self._prefers_log)
        log.display = not self._plot.display or has_both
        hint = "b log" if self._plot.display else "b curves"
        hint = hint if self._has_curves and not has_both else ""
        self.border_subtitle = Content(hint)
