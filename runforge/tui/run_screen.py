"""One run: its log, its curves, its request, and its history."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import ClassVar

from rich.text import Text
from textual import on
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widget import Widget
from textual.widgets import ContentSwitcher, Input, Static

from runforge import cells, clock
from runforge.metrics.run_curves import RunCurves
from runforge.text import safe
from runforge.tui.bars import Key, KeyBar
from runforge.tui.changing_screen import RUN_KEYS, ChangingScreen
from runforge.tui.curve_panels import Charts, of_run
from runforge.tui.job_columns import progress_text
from runforge.tui.log_view import LogView
from runforge.tui.plot import Plot
from runforge.tui.run_info import RunRead, read_run
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import JobView, seconds_so_far

_TABS = ("log", "curves", "info", "files")
_CURVE_SECONDS = 1.0
_WIDE = 100
#: A curve that has not grown for so long says how old it is.
_OLD_SECONDS = 10.0
_PLOT_KEYS = "↵ one/all · . next · ← → read · L log · ~ smooth · + zoom"


class RunScreen(ChangingScreen):
    """A run, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(i + 1), f"tab('{tab}')", f"{tab.capitalize()}") for i, tab in enumerate(_TABS)),
        Binding("l", "tab('log')", "Log"),
        Binding("c", "tab('curves')", "Curves"),
        Binding("i", "tab('info')", "Info"),
        Binding("tab,right_square_bracket", "next_tab(1)", "Next tab"),
        Binding("shift+tab,left_square_bracket", "next_tab(-1)", "Previous tab"),
        Binding("slash", "search", "Search in the log"),
        Binding("t", "attempt", "An earlier attempt's log and curves, and back"),
        Binding("full_stop", "next_metric(1)", "Next metric of the curves"),
        Binding("comma", "next_metric(-1)", "Previous metric of the curves"),
        Binding("x,delete", "cancel", "Cancel the run"),
        Binding("r", "retry", "Retry it: the next attempt"),
        *RUN_KEYS,
        Binding("p", "pause", "Pause or resume its group"),
        Binding("plus", "priority(1)", "Higher priority"),
        Binding("minus", "priority(-1)", "Lower priority"),
        Binding("o", "group", "Its group: the sweep as a table"),
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
        Key(".", "metric", "next_metric(1)"),
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
        self._charts = Charts([], [])
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
        if self.runforge.choices.wrap:
            self.query_one(LogView).set_wrapped(is_wrapped=True)
        self._show_job(self._job)
        self.action_tab(self._tab)

    def show_snapshot(self, snapshot: QueueSnapshot) -> None:
        """Read the run again when the queue has changed."""
        super().show_snapshot(snapshot)
        self._load()

    def show_changed(self) -> None:
        """Let keys wait for the run as it is now."""
        self._load(is_awaited=True)

    def tick(self) -> None:
        """Update the running time."""
        self._show_title()
        if self._job.state == "running":
            self._note_curves()
        if self._tab == "info" and self._job.state == "running":
            self._load()

    def offered_keys(self) -> list[Key]:
        """Return the keys of the current tab."""
        return [key for key in super().offered_keys() if self._tab == "curves" or key.key != "."]

    def _load(self, *, is_awaited: bool = False) -> None:
        ask, run_id, with_files = self.runforge.read_run, self._job.run_id, self._tab == "files"
        key = "" if is_awaited else "run"
        self.runforge.read(
            self, lambda: read_run(ask(run_id), with_files), self._show_run, key=key, is_awaited=is_awaited
        )

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
        self._curve_file, self._charts = RunCurves(folder), Charts([], [])
        self.query_one(Plot).show([])
        self.query_one(LogView).show(folder / "logs.txt")

    def _show_title(self) -> None:
        job, width = self._job, self.size.width
        text = Text(no_wrap=True, end="")
        state = cells.state_cell(job.state)
        text.append(f"{state} ", "bold")
        seconds = seconds_so_far(job)
        text.append(f"{cells.span(seconds)}  " if seconds is not None else " ")
        live = self.runforge.live.get(job.run_id) if job.state == "running" else None
        if live is not None and (progress := progress_text(live, 8)):
            left = f" ~{cells.span(live.left)} left" if live.left is not None and width >= _WIDE else ""
            text.append(f"{progress}{left}  ")
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
        file, wanted = self._curve_file, self._objective()
        if self._tab == "curves" and file is not None and self.is_current:
            self.runforge.read(
                self, lambda: of_run(file, wanted), lambda found: self._show_curves(file, found), key="curves"
            )

    def _objective(self) -> str | None:
        """Return the metric that the run is about: its group's objective, or its primary one."""
        groups = self.runforge.snapshot.groups if self.runforge.snapshot else []
        objectives = (g.objective_metric for g in groups if g.group_id == self._job.group_id)
        return next(objectives, None) or self._job.metric_name

    def _show_curves(self, file: RunCurves, found: Charts | None) -> None:
        if found is not None and file is self._curve_file:
            self._charts = found
            self.query_one(Plot).show(found.panels)
            self._note_curves()

    @on(Plot.Looked)
    def _note_curves(self) -> None:
        if self._tab == "curves":
            plot = self.query_one(Plot)
            ends = [plot.status, self._origin(plot), _PLOT_KEYS] if plot.status else []
            self._note(" · ".join([*self._charts.told, *(text for text in ends if text)]))

    def _origin(self, plot: Plot) -> str:
        """Return the file that the chart's values come from, and how old its newest one is."""
        path, changed_at = self._charts.origins.get(plot.current.title if plot.current else "", ("", None))
        if not path:
            return ""
        seconds = (
            max(0.0, clock.to_datetime(clock.now()).timestamp() - changed_at)
            if changed_at is not None
            else None
        )
        is_old = seconds is not None and seconds >= _OLD_SECONDS
        return f"{path}, {cells.span(seconds)} old" if is_old else path

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
        self._note_curves()
        self._refresh_curves()
        widget = self.query_one(f"#{tab}")
        widget.focus()
        if isinstance(widget, LogView):
            widget.announce()

    def action_next_tab(self, by: int) -> None:
        """Show the next or previous tab."""
        self.action_tab(_TABS[(_TABS.index(self._tab) + by) % len(_TABS)])

    def action_next_metric(self, by: int) -> None:
        """Look at the next or previous metric of the curves."""
        self.action_tab("curves")
        self.query_one(Plot).action_next_panel(by)

    def action_attempt(self) -> None:
        """Show the files of the previous attempt; after the first comes the newest again."""
        if self._newest < 2:
            self.say("this run has had one attempt so far")
            return
        self._show_attempt(self._attempt - 1 or self._newest)
        self.say(f"attempt {self._attempt} of {self._newest}")
        self._show_title()
        self.action_tab(self._tab if self._tab in {"log", "curves"} else "log")

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

    def why_names(self) -> list[str]:
        """Return this run."""
        return [str(self._job.number)]

    def action_cancel(self) -> None:
        """Cancel the run."""
        self.cancel_jobs([self._job])

    def action_retry(self) -> None:
        """Queue the run again."""
        job = self._job
        self.act(lambda: self.runforge.steering.retry([job]))

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

    def with_chosen(self, then: Callable[[list[JobView]], None]) -> None:
        """Continue with this run."""
        then([self._job])

    def with_current(self, then: Callable[[JobView], None]) -> None:
        """Continue with this run."""
        then(self._job)
