"""One run: its log, its curves, its request, and its history."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import isfinite
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input, Static

from runforge import cells
from runforge.metrics.curves import Curve, related
from runforge.metrics.run_curves import RunCurves
from runforge.text import safe
from runforge.tui.bars import Key, KeyBar
from runforge.tui.base_screen import BaseScreen
from runforge.tui.log_view import LogView
from runforge.tui.plot import Plot, Series
from runforge.tui.run_info import CurvesRead, RunRead, fresh_curves, read_run
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import JobView, seconds_so_far

_TABS = ("log", "curves", "info", "files")
_CURVE_SECONDS = 1.0


def _ends(curves: Iterable[Curve]) -> Iterable[str]:
    """Say which curves end in a value that cannot be drawn."""
    return (f"{curve.name} is {curve.values[-1]} now" for curve in curves if not isfinite(curve.values[-1]))


class RunScreen(BaseScreen):
    """A run, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(i + 1), f"tab('{tab}')", f"{tab.capitalize()}") for i, tab in enumerate(_TABS)),
        Binding("c", "tab('curves')", "Curves"),
        Binding("i", "tab('info')", "Info"),
        Binding("tab,right_square_bracket", "next_tab(1)", "Next tab"),
        Binding("shift+tab,left_square_bracket", "next_tab(-1)", "Previous tab"),
        Binding("slash", "search", "Search in the log"),
        Binding("t", "attempt", "An earlier attempt's log and curves, and back"),
        Binding("d", "next_metric(1)", "Next metric of the curves"),
        Binding("x,delete", "cancel", "Cancel the run"),
        Binding("r", "retry", "Retry it: the next attempt"),
        Binding("C", "rerun", "Run a copy of it"),
        Binding("p", "pause", "Pause or resume its group"),
        Binding("plus,equals_sign", "priority(1)", "Higher priority"),
        Binding("minus", "priority(-1)", "Lower priority"),
        Binding("o", "group", "Its group: the sweep as a table"),
        Binding("y", "copy('id')", "Copy its id"),
        Binding("Y", "copy('request')", "Copy its request"),
        Binding("escape", "leave", "Back"),
    ]
    KEYS: ClassVar[Sequence[Key]] = (
        Key("esc", "back", "leave"),
        Key("1", "log", "tab('log')"),
        Key("2", "curves", "tab('curves')"),
        Key("3", "info", "tab('info')"),
        Key("4", "files", "tab('files')"),
        Key("/", "search", "search"),
        Key("x", "cancel", "cancel"),
        Key("r", "retry", "retry"),
        Key("?", "help", "help"),
        Key("C", "copy & run", "rerun"),
        Key("o", "sweep", "group"),
        Key("d", "metric", "next_metric(1)"),
    )
    DEFAULT_CSS = """
    RunScreen #title { height: 1; padding: 0 1; background: $boost; }
    RunScreen ContentSwitcher { height: 1fr; }
    RunScreen LogView, RunScreen Plot { height: 1fr; }
    RunScreen VerticalScroll { height: 1fr; padding: 0 1; }
    RunScreen #note { height: 1; padding: 0 1; color: $foreground; text-style: dim; }
    RunScreen #search { display: none; border: none; height: 1; padding: 0 1; }
    """

    def __init__(self, job: JobView, tab: str) -> None:
        super().__init__()
        self._job = job
        self._tab = tab
        self._curve_file: RunCurves | None = None
        self._curves: dict[str, Curve] = {}
        self._told: list[str] = []
        self._family = ""
        self._attempt = self._newest = 0

    def content(self) -> Iterable[Widget]:
        """Lay out the title, the tabs and the note below them."""
        yield Static(id="title", markup=False)
        with ContentSwitcher(initial=self._tab):
            yield LogView(self.runforge.read, id="log")
            yield Plot(id="curves")
            with VerticalScroll(id="info"):
                yield Static(id="info-text", markup=False)
            with VerticalScroll(id="files"):
                yield Static(id="files-text", markup=False)
        yield Static(id="note", markup=False)
        yield Input(id="search", placeholder="search the log", compact=True)

    def on_mount(self) -> None:
        """Open the run's files and keep the curves up to date."""
        self.set_interval(_CURVE_SECONDS, self._refresh_curves)
        self._show_job(self._job)
        self.action_tab(self._tab)

    def show_snapshot(self, snapshot: QueueSnapshot) -> None:
        """Read the run again when the queue has changed."""
        super().show_snapshot(snapshot)
        self._load()

    def tick(self) -> None:
        """Update the running time."""
        self._show_title()
        if self._tab == "info" and self._job.state == "running":
            self._load()

    def offered_keys(self) -> list[Key]:
        """Return the keys of the current tab."""
        return [key for key in super().offered_keys() if self._tab == "curves" or key.key != "d"]

    def _load(self) -> None:
        ask, run_id, with_files = self.runforge.read_run, self._job.run_id, self._tab == "files"
        self.runforge.read(self, lambda: read_run(ask(run_id), with_files), self._show_run, key="run")

    def _show_run(self, read: RunRead) -> None:
        self._show_job(read.job)
        self.query_one("#info-text", Static).update(read.info)
        if read.files is not None:
            self.query_one("#files-text", Static).update(read.files)

    def _show_job(self, job: JobView) -> None:
        self._job = job
        if job.attempt != self._newest:
            self._newest = job.attempt
            self._show_attempt(self._newest)
        self._show_title()
        self._refresh_curves()

    def _show_attempt(self, attempt: int) -> None:
        """Show the files of an attempt: the newest in the run's folder, earlier ones below `previous`."""
        self._attempt = attempt
        folder = self.runforge.workspace.root / self._job.run_dir
        if attempt != self._newest:
            folder = folder / "previous" / str(attempt)
        self._curve_file, self._family = RunCurves(folder), ""
        self._curves, self._told = {}, []
        self.query_one(LogView).show(folder / "logs.txt")

    def _show_title(self) -> None:
        job, width = self._job, self.size.width
        text = Text(no_wrap=True, end="")
        state = cells.state_cell(job.state)
        text.append(f"{state} ", "bold")
        seconds = seconds_so_far(job)
        text.append(f"{cells.span(seconds)}  " if seconds is not None else " ")
        if self._attempt != self._newest:
            text.append(f"attempt {self._attempt} of {self._newest}  ", "bold")
        tabs = " ".join(f"[{i + 1} {t}]" if t == self._tab else f" {i + 1} {t} " for i, t in enumerate(_TABS))
        room = width - len(text) - len(tabs) - 4
        text.append(cells.pad(safe(job.run_id), max(8, room), keep_end=True))
        text.append(f"  {tabs}")
        title = self.query_one("#title", Static)
        if getattr(self, "_titled", None) != text.plain:
            self._titled = text.plain
            title.update(text)

    def _refresh_curves(self) -> None:
        file = self._curve_file
        if self._tab == "curves" and file is not None and self.is_current:
            self.runforge.read(
                self, lambda: fresh_curves(file), lambda found: self._show_curves(file, found), key="curves"
            )

    def _show_curves(self, file: RunCurves, found: CurvesRead | None) -> None:
        if file is not self._curve_file:
            return
        if found is not None:
            self._curves, self._told = found
        if found is not None or self._family not in related(self._curves):
            self._draw()

    def _draw(self) -> None:
        """Draw metrics that belong together, first those of the run's primary metric."""
        curves = self._curves
        families = related(curves)
        if self._family not in families:
            wanted = self._job.metric_name
            self._family = next((f for f, names in families.items() if wanted in (f, *names)), "")
            self._family = self._family or next(iter(families), "")
        names = families.get(self._family, [])
        series = [Series(name, curves[name].steps, curves[name].values) for name in names]
        self.query_one(Plot).show(series, x_label="step", y_label=self._family)
        told = self._told
        if self._tab != "curves":
            return
        if families:
            place = list(families).index(self._family) + 1
            keys = f"{self._family}: {place} of {len(families)} (d next) · l log scale · +- zoom"
            self._note(" · ".join([*_ends(curves[name] for name in names), *told, keys]))
        elif told:
            self._note(" · ".join(told))

    def _note(self, text: str) -> None:
        if getattr(self, "_noted", None) != text:
            self._noted = text
            self.query_one("#note", Static).update(safe(text))

    @on(LogView.Status)
    def _log_status(self, event: LogView.Status) -> None:
        if self._tab == "log":
            follow = "following" if event.follow else "f follows"
            note = f" · {event.note}" if event.note else ""
            self._note(f"{event.lines:,} lines, {cells.size(event.size)} · {follow}{note}")

    def action_tab(self, tab: str) -> None:
        """Show one tab."""
        self._tab = tab
        self.query_one(ContentSwitcher).current = tab
        self.query_one(KeyBar).offer(self.offered_keys())
        self._note("")
        self._show_title()
        if tab == "files":
            self._load()
        if tab == "curves" and self._curves:
            self._draw()
        self._refresh_curves()
        widget = self.query_one(f"#{tab}")
        widget.focus()
        if isinstance(widget, LogView):
            widget.announce()

    def action_next_tab(self, by: int) -> None:
        """Show the next or previous tab."""
        self.action_tab(_TABS[(_TABS.index(self._tab) + by) % len(_TABS)])

    def action_next_metric(self, by: int) -> None:
        """Draw another metric, once what the run has reported is read."""
        self.action_tab("curves")
        if (file := self._curve_file) is not None:

            def show(found: CurvesRead | None) -> None:
                self._show_curves(file, found)
                self._next_metric(by)

            self.runforge.read(self, lambda: fresh_curves(file), show)

    def _next_metric(self, by: int) -> None:
        families = list(related(self._curves))
        if not families:
            self.say("this run has reported no metrics yet", is_error=True)
            return
        place = families.index(self._family) if self._family in families else 0
        self._family = families[(place + by) % len(families)]
        self._draw()

    def action_attempt(self) -> None:
        """Show the files of the previous attempt; after the first comes the newest again."""
        if self._newest < 2:
            self.say("this run has had one attempt so far")
            return
        self._show_attempt(self._attempt - 1 or self._newest)
        self.say(f"attempt {self._attempt} of {self._newest}")
        self._show_title()
        self.action_tab(self._tab if self._tab in {"log", "curves"} else "log")
        self._draw()

    def action_search(self) -> None:
        """Type a text to search in the log."""
        self.action_tab("log")
        field = self.query_one("#search", Input)
        field.display = True
        field.focus()

    @on(Input.Submitted, "#search")
    def _search(self, event: Input.Submitted) -> None:
        log = self.query_one(LogView)
        self._close_search()
        if wanted := event.value:
            log.search(wanted, lambda: self.say(f"'{wanted}' is not in the log", is_error=True))

    def _close_search(self) -> None:
        self.query_one("#search", Input).display = False
        self.query_one(f"#{self._tab}").focus()

    def action_leave(self) -> None:
        """Close the search line, or go back."""
        if self.query_one("#search", Input).display:
            self._close_search()
        else:
            super().action_leave()

    def action_cancel(self) -> None:
        """Cancel the run."""
        self.cancel_jobs([self._job])

    def action_retry(self) -> None:
        """Queue the run again."""
        job = self._job
        self.act(lambda: self.runforge.steering.retry([job]))

    def action_rerun(self) -> None:
        """Enqueue a copy."""
        job = self._job
        self.act(lambda: self.runforge.steering.rerun(job))

    def action_pause(self) -> None:
        """Pause or resume the run's group."""
        snapshot = self.runforge.snapshot
        if snapshot is None:
            return
        groups = [group for group in snapshot.groups if group.group_id == self._job.group_id]
        self.act(lambda: self.runforge.steering.toggle_pause(groups))

    def action_priority(self, by: int) -> None:
        """Raise or lower the priority."""
        job = self._job
        self.act(lambda: self.runforge.steering.change_priority([job], by))

    def action_group(self) -> None:
        """Open the run's group."""
        if self._job.group_id:
            self.runforge.show_group(self._job.group_id)
        else:
            self.say("this run has no group", is_error=True)

    def action_copy(self, what: str) -> None:
        """Copy the id or the request."""
        self.runforge.copy(self._job, what)
