"""What is beside the table of jobs: curves and log of the run under the cursor, or the machine.

Its parts are made and imported when there is room for it: the first paint does not wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from textual.containers import Container
from textual.content import Content

from runforge.text import safe
from runforge.tui import differences
from runforge.tui.ports import AppPort
from runforge.views.labels import label
from runforge.views.shown import JobView

if TYPE_CHECKING:
    from runforge.metrics.run_curves import RunCurves
    from runforge.tui.curve_panels import Charts
    from runforge.tui.log_view import LogView
    from runforge.tui.machine_view import MachineView
    from runforge.tui.plot import Plot

#: A curve that grows changes all its cells: oftener would be too much for a slow line.
_CURVE_SECONDS = 5.0
#: Every look at a log that grows paints all its lines: half as often as where it is read.
_LOG_SECONDS = 1.0
_MACHINE_SECONDS = 2.0
#: With this many lines there is room for both.
_BOTH = 22


class Beside(Container):
    """Curves and log of one run, or the machine. It does not take the keys."""

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
        self._machine: MachineView | None = None
        self._has_curves = False
        self._wanted = "curves"
        self._title = ""

    @property
    def _app(self) -> AppPort:
        return cast("AppPort", self.app)

    def on_mount(self) -> None:
        """Look at the run's metrics, or at the machine, from time to time."""
        self.set_interval(_CURVE_SECONDS, self._look)
        self.set_interval(_MACHINE_SECONDS, self._look_at_machine)

    def on_resize(self) -> None:
        """Show one or both, as there is room."""
        self._arrange()

    def _fill(self) -> LogView:
        """Make the curves above the log, once; the keys stay with the tables."""
        from runforge.tui.log_view import LogView
        from runforge.tui.machine_view import MachineView
        from runforge.tui.plot import Plot

        if self._log is None:
            self._plot, self._log = (
                Plot(id="peek-curves"),
                LogView(self._app.read, id="peek", seconds=_LOG_SECONDS),
            )
            self._plot.can_focus = self._log.can_focus = False
            self._machine = MachineView()
            self._plot.display = self._machine.display = False
            self.mount(self._plot, self._log, self._machine)
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
        self._title = safe(f"#{number} {label(job)}  {words}", 80)
        self._arrange()
        self._look()

    def _views(self) -> list[str]:
        """Return what can be shown now, one after the other."""
        if self.size.height >= _BOTH:
            return ["curves", "machine"]
        return ["curves", "log", "machine"] if self._has_curves else ["log", "machine"]

    @property
    def _shown(self) -> str:
        views = self._views()
        return self._wanted if self._wanted in views else views[0]

    def toggle(self) -> None:
        """Show the next: curves, log, machine."""
        views = self._views()
        self._wanted = views[(views.index(self._shown) + 1) % len(views)]
        self._arrange()
        self._look_at_machine()

    def _look_at_machine(self) -> None:
        """Read the machine if it is shown."""
        view, snapshot = self._machine, self._app.snapshot
        if view is None or snapshot is None or not view.display or not self.screen.is_current:
            return
        app, history = self._app, self._app.history
        app.watch_machine()
        app.read(
            self,
            lambda: (app.read_machine(), app.read_nodes()),
            lambda found: view.show(found[0], snapshot, history, found[1]),
            key="machine",
        )

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
        if self._plot is None or self._log is None or self._machine is None:
            return
        shown, has_both = self._shown, self.size.height >= _BOTH
        self._machine.display = shown == "machine"
        self._plot.display = self._has_curves and shown == "curves"
        self._log.display = shown != "machine" and (has_both or not self._plot.display)
        views = self._views()
        following = views[(views.index(shown) + 1) % len(views)]
        self.border_title = Content("Machine" if shown == "machine" else self._title)
        self.border_subtitle = Content(f"b {following}")
