"""The queue: every job, the groups beside it, and the keys that steer both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget
from textual.widgets import Input, Static

from runforge.metrics.curves import Progress
from runforge.text import safe
from runforge.tui.bars import Key
from runforge.tui.base_screen import BaseScreen
from runforge.tui.group_list import GroupList
from runforge.tui.job_table import JobTable
from runforge.tui.log_view import LogView
from runforge.tui.row_list import RowList
from runforge.views.filters import parse
from runforge.views.queue_snapshot import SORTS, QueueSnapshot
from runforge.views.shown import GroupView, JobView

_ACTIVE = "state:running,queued"


class QueueScreen(BaseScreen):
    """Jobs and groups, live."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("l", "open('log')", "Log of the run"),
        Binding("c", "open('curves')", "Curves of the run"),
        Binding("i", "open('info')", "All about the run"),
        Binding("o", "open_group", "The group of the run: its sweep as a table"),
        Binding("slash", "filter", "Filter: words, !word, state:failed, group:name"),
        Binding("f", "only_group", "Only jobs of this group, or all again"),
        Binding("a", "active", "Only queued and running jobs, or all"),
        Binding("s", "sort", "Sort by the next column"),
        Binding("S", "reverse", "Reverse the order"),
        Binding("x,delete", "cancel", "Cancel run, marked runs or group"),
        Binding("r", "retry", "Retry failed or canceled: run, marked runs or group"),
        Binding("C", "rerun", "Run a copy of the run"),
        Binding("p", "pause", "Pause or resume the group"),
        Binding("plus,equals_sign", "priority(1)", "Higher priority"),
        Binding("minus", "priority(-1)", "Lower priority"),
        Binding("y", "copy('id')", "Copy the run's id"),
        Binding("Y", "copy('request')", "Copy the run's request"),
        Binding("tab,shift+tab", "switch", "Between jobs and groups"),
        Binding("escape", "back_out", "Clear marks, then the filter"),
    ]
    KEYS: ClassVar[Sequence[Key]] = (
        Key("↵", "open", "open('log')"),
        Key("/", "filter", "filter"),
        Key("space", "mark", "mark"),
        Key("x", "cancel", "cancel"),
        Key("r", "retry", "retry"),
        Key("p", "pause", "pause"),
        Key("?", "help", "help"),
        Key("q", "quit", "leave"),
        Key("D", "daemon", "daemon"),
        Key("+-", "priority", "priority(1)"),
        Key("s", "sort", "sort"),
        Key("tab", "groups", "switch"),
        Key("o", "sweep", "open_group"),
        Key("m", "machine", "machine"),
        Key("a", "active", "active"),
        Key(":", "commands", "app.command_palette"),
    )
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (130, "-wide")]  # noqa: RUF012 - Textual's own annotation
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (14, "-short"), (36, "-tall")]  # noqa: RUF012
    DEFAULT_CSS = """
    QueueScreen #main { layout: vertical; height: 1fr; }
    QueueScreen #jobs { height: 1fr; }
    QueueScreen #groups { height: 6; border-top: solid $panel; }
    QueueScreen #query { height: 1; background: $boost; display: none; padding: 0 1; }
    QueueScreen #filter { display: none; border: none; height: 1; padding: 0 1; }
    QueueScreen.-tiny #groups { display: none; }
    QueueScreen.-tall #groups { height: 10; }
    QueueScreen.-wide #main { layout: horizontal; }
    QueueScreen.-wide #jobs { width: 1fr; height: 1fr; }
    QueueScreen.-wide #groups { display: block; width: 30%; max-width: 72; height: 1fr; border-top: none;
                                border-left: solid $panel; }
    QueueScreen #peek-title { display: none; height: 1; padding: 0 1; background: $boost; }
    QueueScreen #peek { display: none; height: 30%; max-height: 14; }
    QueueScreen.-tall #peek, QueueScreen.-tall #peek-title { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._peeked: Path | None = None

    def content(self) -> Iterable[Widget]:
        """Lay out the table, the groups and the filter."""
        with Container(id="main"):
            yield JobTable(id="jobs")
            yield GroupList(id="groups")
        yield Static(id="peek-title", markup=False)
        yield LogView(id="peek")
        yield Static(id="query", markup=False)
        yield Input(id="filter", placeholder="words, !word, state:failed, group:name", compact=True)

    def on_mount(self) -> None:
        """Begin at the jobs."""
        self.query_one("#peek").can_focus = False
        self.jobs.focus()

    @property
    def jobs(self) -> JobTable:
        """The table of jobs."""
        return self.query_one("#jobs", JobTable)

    @property
    def groups(self) -> GroupList:
        """The list of groups."""
        return self.query_one("#groups", GroupList)

    @property
    def _in_groups(self) -> bool:
        return self.groups.has_focus

    def show_snapshot(self, snapshot: QueueSnapshot) -> None:
        """Show another moment of the queue."""
        super().show_snapshot(snapshot)
        self.jobs.show(snapshot, self.runforge.reader)
        self.groups.show(snapshot, self.runforge.reader)
        self._show_query(snapshot)
        self._peek()

    def show_progress(self, progress: dict[str, Progress]) -> None:
        """Show how far the running jobs are, with the next tick: one paint, not two."""
        self.jobs.show_progress(progress)

    def _show_query(self, snapshot: QueueSnapshot) -> None:
        query, marked = snapshot.query, len(self.jobs.marked)
        parts = []
        if not query.jobs.is_empty:
            what = f"filter: {query.jobs.text}" if query.jobs.text else f"group {query.jobs.group_id}"
            parts.append(f"{what}  {len(snapshot.order):,} of {snapshot.total:,}")
        if query.jobs.problem:
            parts.append(query.jobs.problem)
        if marked:
            parts.append(f"{marked:,} marked")
        if query.sort != "live":
            parts.append(f"sorted by {query.sort}{', reversed' if query.is_reversed else ''}")
        line = self.query_one("#query", Static)
        line.display = bool(parts)
        text = safe(" · ".join(parts))
        if line.content != text:
            line.update(text)

    @on(RowList.Moved)
    def _moved(self) -> None:
        self._peek()

    def _peek(self) -> None:
        """Show the end of the log of the run under the cursor, where there is room for it."""
        peek = self.query_one("#peek", LogView)
        job = self.jobs.job_at_cursor() if peek.display else None
        path = self.runforge.workspace.root / job.run_dir / "logs.txt" if job else None
        if job is None or path == self._peeked:
            return
        self._peeked = path
        self.query_one("#peek-title", Static).update(f"log of {safe(job.run_id)}   l opens it")
        peek.show(path)

    def tick(self) -> None:
        """Let running times go on."""
        self._peek()
        snapshot = self.runforge.snapshot
        if snapshot is not None and snapshot.running:
            self.jobs.repaint_changed()

    @on(JobTable.Marked)
    def _marks_changed(self) -> None:
        if self.runforge.snapshot is not None:
            self._show_query(self.runforge.snapshot)

    @on(RowList.Chosen, "#jobs")
    def _open_job(self) -> None:
        self.action_open("log")

    @on(RowList.Chosen, "#groups")
    def _open_group(self) -> None:
        self.action_open_group()

    def action_open(self, tab: str) -> None:
        """Open the run under the cursor."""
        job = self.jobs.job_at_cursor()
        if self._in_groups:
            self.action_open_group()
        elif job is None:
            self.say("no run is selected", is_error=True)
        else:
            self.runforge.show_run(job.run_id, tab)

    def action_open_group(self) -> None:
        """Open the group under the cursor, or that of the run."""
        group = self._group()
        if group is None:
            self.say("this run has no group" if self.jobs.row_count() else "there is no group", is_error=True)
        else:
            self.runforge.show_group(group.group_id)

    def action_mark(self) -> None:
        """Mark the job under the cursor (the key bar's click; the key is the table's own)."""
        self.jobs.action_mark()

    def action_switch(self) -> None:
        """Move between jobs and groups."""
        target = self.jobs if self._in_groups or not self.groups.display else self.groups
        target.focus()

    def action_filter(self) -> None:
        """Type a filter; the list follows each letter."""
        field = self.query_one("#filter", Input)
        field.display = True
        field.focus()

    @on(Input.Changed, "#filter")
    def _filter_changed(self, event: Input.Changed) -> None:
        self._ask(jobs=parse(event.value))

    @on(Input.Submitted, "#filter")
    def _filter_done(self) -> None:
        self._close_filter()

    def _close_filter(self) -> None:
        self.query_one("#filter", Input).display = False
        self.jobs.focus()

    def action_back_out(self) -> None:
        """Undo one thing: the open filter line, the marks, the filter."""
        field = self.query_one("#filter", Input)
        if field.display:
            field.value = ""
            self._close_filter()
        elif self._in_groups:
            self.jobs.focus()
        elif not self.jobs.clear_marks():
            field.value = ""
            self._ask(jobs=parse(""))

    def _ask(self, **changes: object) -> None:
        self.runforge.ask_for(replace(self.runforge.job_query, **changes))  # type: ignore[arg-type]

    def action_only_group(self) -> None:
        """Show only the jobs of a group, or all again."""
        if self.runforge.job_query.jobs.group_id:
            self._ask(jobs=parse(self.query_one("#filter", Input).value))
        elif (group := self._group()) is not None:
            self._ask(jobs=parse("", group.group_id))
            self.jobs.focus()

    def action_active(self) -> None:
        """Show only queued and running jobs, or all."""
        field = self.query_one("#filter", Input)
        field.value = "" if field.value == _ACTIVE else _ACTIVE

    def action_sort(self) -> None:
        """Sort by the next column."""
        query = self.runforge.job_query
        following = SORTS[(SORTS.index(query.sort) + 1) % len(SORTS)]
        self._ask(sort=following, is_reversed=False)

    def action_reverse(self) -> None:
        """Reverse the order."""
        self._ask(is_reversed=not self.runforge.job_query.is_reversed)

    def action_cancel(self) -> None:
        """Cancel a group, the marked runs, or the run under the cursor."""
        group = self.groups.group_at_cursor()
        if not self._in_groups:
            self.cancel_jobs(self._chosen())
        elif group is not None:
            lines = [f"{group.running} running (TERM, 10 s, KILL), {group.queued} queued"]
            steering = self.runforge.steering
            self.ask(f"Cancel group {group.name}?", lines, lambda: steering.cancel_group(group))

    def action_retry(self) -> None:
        """Retry a group's failed runs, the marked runs, or the run under the cursor."""
        steering, group, jobs = self.runforge.steering, self.groups.group_at_cursor(), self._chosen()
        if not self._in_groups:
            self.act(lambda: steering.retry(jobs))
        elif group is not None:
            self.act(lambda: steering.retry_group(group))

    def action_rerun(self) -> None:
        """Enqueue a copy of the run under the cursor."""
        job = self.jobs.job_at_cursor()
        if job is not None:
            self.act(lambda: self.runforge.steering.rerun(job))

    def action_pause(self) -> None:
        """Pause or resume the group under the cursor, or the groups of the chosen runs."""
        groups = self._groups_of_chosen()
        self.act(lambda: self.runforge.steering.toggle_pause(groups))

    def action_priority(self, by: int) -> None:
        """Raise or lower a priority."""
        steering, group, jobs = self.runforge.steering, self.groups.group_at_cursor(), self._chosen()
        if not self._in_groups:
            self.act(lambda: steering.change_priority(jobs, by))
        elif group is not None:
            self.act(lambda: steering.change_group_priority(group, by))

    def action_copy(self, what: str) -> None:
        """Copy the run's id or request to the terminal's clipboard."""
        job = self.jobs.job_at_cursor()
        if job is not None:
            self.runforge.copy(job, what)

    def _chosen(self) -> list[JobView]:
        return self.jobs.chosen()

    def _group(self) -> GroupView | None:
        if self._in_groups:
            return self.groups.group_at_cursor()
        job = self.jobs.job_at_cursor()
        return self._by_id().get(job.group_id or "") if job else None

    def _groups_of_chosen(self) -> list[GroupView]:
        if self._in_groups:
            group = self.groups.group_at_cursor()
            return [group] if group else []
        known = self._by_id()
        ids = dict.fromkeys(job.group_id for job in self._chosen() if job.group_id in known)
        return [known[group_id] for group_id in ids if group_id]

    def _by_id(self) -> dict[str, GroupView]:
        snapshot = self.runforge.snapshot
        return {group.group_id: group for group in snapshot.groups} if snapshot else {}
