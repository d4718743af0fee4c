"""One run: its log, its curves, what it was asked to do, and how it went."""

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
from runforge.errors import RunForgeError
from runforge.metrics import jsonl
from runforge.metrics.curves import Curve, CurveFile, related
from runforge.text import safe
from runforge.tui.bars import Key
from runforge.tui.base_screen import BaseScreen
from runforge.tui.log_view import LogView
from runforge.tui.plot import Plot, Series
from runforge.tui.run_info import files_text, info_text
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import RunView

_TABS = ("log", "curves", "info", "files")
_CURVE_SECONDS = 1.0


def _ends(curves: Iterable[Curve]) -> Iterable[str]:
    """Say which curves end in what cannot be drawn."""
    return (f"{curve.name} is {curve.values[-1]} now" for curve in curves if not isfinite(curve.values[-1]))


class RunScreen(BaseScreen):
    """A run, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(str(i + 1), f"tab('{tab}')", f"{tab.capitalize()}") for i, tab in enumerate(_TABS)),
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

    def __init__(self, run_id: str, tab: str) -> None:
        super().__init__()
        self._run_id = run_id
        self._tab = tab
        self._view: RunView | None = None
        self._curves: CurveFile | None = None
        self._family = ""
        self._attempt = self._newest = 0

    def content(self) -> Iterable[Widget]:
        """Lay out the title, the tabs and the note below them."""
        yield Static(id="title", markup=False)
        with ContentSwitcher(initial=self._tab):
            yield LogView(id="log")
            yield Plot(id="curves")
            with VerticalScroll(id="info"):
                yield Static(id="info-text", markup=False)
            with VerticalScroll(id="files"):
                yield Static(id="files-text", markup=False)
        yield Static(id="note", markup=False)
        yield Input(id="search", placeholder="search the log", compact=True)

    def on_mount(self) -> None:
        """Open the run's files and keep the curves going."""
        self.set_interval(_CURVE_SECONDS, self._refresh_curves)
        self._load()
        self.action_tab(self._tab)

    def show_snapshot(self, snapshot: QueueSnapshot) -> None:
        """Read the run again when the queue has changed."""
        super().show_snapshot(snapshot)
        self._load()

    def tick(self) -> None:
        """Let the running time go on."""
        self._show_title()

    def _load(self) -> None:
        try:
            view = self.runforge.read_run(self._run_id)
        except RunForgeError as error:
            self.say(str(error), is_error=True)
            return
        self._view = view
        if view.job.attempt != self._newest:
            self._newest = view.job.attempt
            self._show_attempt(self._newest)
        self._show_title()
        self.query_one("#info-text", Static).update(info_text(view))
        if self._tab == "files":
            self.query_one("#files-text", Static).update(files_text(view))
        self._refresh_curves()

    def _show_attempt(self, attempt: int) -> None:
        """Show the outputs of an attempt: the newest in the run's folder, earlier ones below `previous`."""
        if self._view is None:
            return
        self._attempt = attempt
        folder = self._view.run_dir
        if attempt != self._newest:
            folder = folder / "previous" / str(attempt)
        self._curves, self._family = CurveFile(folder / jsonl.NAME), ""
        self.query_one(LogView).show(folder / "logs.txt")

    def _show_title(self) -> None:
        if self._view is None:
            return
        job, width = self._view.job, self.size.width
        text = Text(no_wrap=True, end="")
        state = cells.state_cell(job.state)
        text.append(f"{state} ", "bold")
        seconds = self.runforge.seconds_of(job)
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
        if self._tab != "curves" or self._curves is None or not self.is_current:
            return
        if self._curves.refresh() or self._family not in related(self._curves.curves()):
            self._draw()

    def _draw(self) -> None:
        """Draw the metrics that belong together, those of the run's own metric first."""
        curves = self._curves.curves() if self._curves else {}
        families = related(curves)
        if self._family not in families:
            wanted = self._view.job.metric_name if self._view else None
            self._family = next((f for f, names in families.items() if wanted in (f, *names)), "")
            self._family = self._family or next(iter(families), "")
        names = families.get(self._family, [])
        series = [Series(name, curves[name].steps, curves[name].values) for name in names]
        self.query_one(Plot).show(series, x_label="step", y_label=self._family)
        told = self._curves.sentences() if self._curves else []
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
        self._note("")
        self._show_title()
        if tab == "files" and self._view:
            self.query_one("#files-text", Static).update(files_text(self._view))
        self._refresh_curves()
        widget = self.query_one(f"#{tab}")
        widget.focus()
        if isinstance(widget, LogView):
            widget.announce()

    def action_next_tab(self, by: int) -> None:
        """Show the next or previous tab."""
        self.action_tab(_TABS[(_TABS.index(self._tab) + by) % len(_TABS)])

    def action_next_metric(self, by: int) -> None:
        """Draw another metric."""
        families = list(related(self._curves.curves())) if self._curves else []
        if not families:
            self.say("this run has reported no metrics yet", is_error=True)
            return
        place = families.index(self._family) if self._family in families else 0
        self._family = families[(place + by) % len(families)]
        self.action_tab("curves")
        self._draw()

    def action_attempt(self) -> None:
        """Show the outputs of the attempt before; after the first comes the newest again."""
        if self._newest < 2:
            self.say("this run has had one attempt so far")
            return
        self._show_attempt(self._attempt - 1 or self._newest)
        self.say(f"attempt {self._attempt} of {self._newest}")
        self._show_title()
        self.action_tab(self._tab if self._tab in {"log", "curves"} else "log")
        self._draw()

    def action_search(self) -> None:
        """Type what to look for in the log."""
        self.action_tab("log")
        field = self.query_one("#search", Input)
        field.display = True
        field.focus()

    @on(Input.Submitted, "#search")
    def _search(self, event: Input.Submitted) -> None:
        log = self.query_one(LogView)
        self._close_search()
        if event.value and not log.search(event.value):
            self.say(f"'{event.value}' is not in the log", is_error=True)

    def _close_search(self) -> None:
        self.query_one("#search", Input).display = False
        self.query_one(f"#{self._tab}").focus()

    def action_leave(self) -> None:
        """Close the search line, else go back."""
        if self.query_one("#search", Input).display:
            self._close_search()
        else:
            super().action_leave()

    def action_cancel(self) -> None:
        """Cancel the run."""
        if self._view:
            self.cancel_jobs([self._view.job])

    def action_retry(self) -> None:
        """Queue the run once more."""
        if (view := self._view) is not None:
            self.act(lambda: self.runforge.steering.retry([view.job]))

    def action_rerun(self) -> None:
        """Enqueue a copy."""
        if (view := self._view) is not None:
            self.act(lambda: self.runforge.steering.rerun(view.job))

    def action_pause(self) -> None:
        """Pause or resume the run's group."""
        snapshot = self.runforge.snapshot
        if snapshot is None or self._view is None:
            return
        groups = [group for group in snapshot.groups if group.group_id == self._view.job.group_id]
        self.act(lambda: self.runforge.steering.toggle_pause(groups))

    def action_priority(self, by: int) -> None:
        """Raise or lower the priority."""
        if (view := self._view) is not None:
            self.act(lambda: self.runforge.steering.change_priority([view.job], by))

    def action_group(self) -> None:
        """Open the run's group."""
        if self._view and self._view.job.group_id:
            self.runforge.show_group(self._view.job.group_id)
        else:
            self.say("this run has no group", is_error=True)

    def action_copy(self, what: str) -> None:
        """Copy the id or the request."""
        if self._view:
            self.runforge.copy(self._view.job, what)
