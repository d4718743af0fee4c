"""The queue: all jobs, the groups beside them, and the keys for both."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Input, Static

from runforge.core.filters import parse
from runforge.text import safe
from runforge.tui import queue_keys
from runforge.tui.bars import Key
from runforge.tui.beside import Beside
from runforge.tui.group_list import GroupList
from runforge.tui.job_columns import ALWAYS, RULES
from runforge.tui.job_table import JobTable
from runforge.tui.queue_changes import QueueChanges
from runforge.tui.row_list import RowList
from runforge.tui.seen import Ahead, Window
from runforge.views.queue_snapshot import SORTS, QueueSnapshot
from runforge.views.shown import GroupView

if TYPE_CHECKING:
    from runforge.tui.live import Live

_ACTIVE = "state:running,queued"


class QueueScreen(QueueChanges):
    """Jobs and groups, live."""

    BINDINGS: ClassVar[list[BindingType]] = queue_keys.BINDINGS
    KEYS: ClassVar[Sequence[Key]] = queue_keys.KEYS
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (120, "-wide"), (170, "-huge")]  # noqa: RUF012 - Textual's own
    VERTICAL_BREAKPOINTS = [(0, "-tiny"), (14, "-short"), (36, "-tall")]  # noqa: RUF012
    DEFAULT_CSS = """
    QueueScreen #main { layout: vertical; height: 1fr; }
    QueueScreen #jobs { height: 1fr; }
    QueueScreen #side { layout: vertical; height: 6; }
    QueueScreen #groups { height: 1fr; min-height: 4; }
    QueueScreen #beside { display: none; height: 2fr; }
    QueueScreen #query { height: 1; background: $boost; display: none; padding: 0 1; }
    QueueScreen #filter { display: none; border: none; height: 1; padding: 0 1; }
    QueueScreen.-tiny #side { display: none; }
    QueueScreen.-tall #side { height: 45%; }
    QueueScreen.-tall #beside { display: block; }
    QueueScreen.-wide #side { layout: horizontal; height: 38%; }
    QueueScreen.-wide #groups { width: 9fr; }
    QueueScreen.-wide #beside { display: block; width: 11fr; height: 1fr; }
    QueueScreen.-huge #main { layout: horizontal; }
    QueueScreen.-huge #jobs { width: 3fr; }
    QueueScreen.-huge #side { width: 2fr; height: 1fr; }
    QueueScreen.-huge #beside { display: block; }
    """

    def content(self) -> Iterable[Widget]:
        """Lay out the table, the groups and the filter."""
        with Container(id="main"):
            jobs = JobTable(self.runforge.feed.look_at, self._hidden(), id="jobs")
            jobs.border_title = Content("Queue")
            yield jobs
            with Container(id="side"):
                groups = GroupList(self.runforge.feed.look_at_groups, id="groups")
                groups.border_title = Content("Groups")
                yield groups
                yield Beside(id="beside")
        yield Static(id="query", markup=False)
        yield Input(id="filter", placeholder="words, !word, state:failed, group:name", compact=True)

    def _hidden(self) -> frozenset[str]:
        """Return the columns that the user does not want."""
        return frozenset(self.runforge.choices.hidden.split(",")) & RULES.keys()

    def show_snapshot(self, snapshot: QueueSnapshot) -> None:
        """Show a new snapshot of the queue."""
        super().show_snapshot(snapshot)
        window = self.runforge.window
        self.jobs.show(snapshot, window.jobs)
        self.groups.show(snapshot, window.groups)
        self.show_ahead(self.runforge.ahead)
        self._show_query(snapshot)
        self._peek()

    def show_window(self, window: Window) -> None:
        """Show the requested rows."""
        self.jobs.show_rows(window.jobs)
        self.groups.show_progress(window.groups)
        self._peek()

    def show_progress(self, progress: dict[str, Live]) -> None:
        """Show the progress of the running jobs at the next tick: one paint, not two."""
        self.jobs.show_live(progress)

    def show_ahead(self, ahead: Ahead) -> None:
        """Show how long runs and groups still take, at the next tick."""
        self.jobs.show_ahead(ahead.runs)
        self.groups.show_ahead(ahead)

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
    def _peek(self) -> None:
        """Show the run under the cursor beside the table, if there is room for it."""
        beside, job = self.query_one(Beside), self.jobs.job_at_cursor()
        if job is None or not beside.display:
            return
        group = self.by_id().get(job.group_id or "")
        beside.show(job, group.objective_metric if group else None, *self.jobs.place_at_cursor())

    def tick(self) -> None:
        """Update running times."""
        self._peek()
        snapshot = self.runforge.snapshot
        if snapshot is not None and (snapshot.running or snapshot.counts["queued"]):
            self.jobs.repaint_changed()
            self.groups.repaint_changed()

    @on(JobTable.Marked)
    def _marks_changed(self) -> None:
        if self.runforge.snapshot is not None:
            self._show_query(self.runforge.snapshot)

    @on(RowList.Chosen, "#jobs")
    def _open_job(self) -> None:
        self.action_open("log")

    def action_open(self, tab: str) -> None:
        """Open the run under the cursor."""
        if self.in_groups:
            self.action_open_group()
        else:
            self.with_current(lambda job: self.runforge.show_run(job, tab))

    def why_names(self) -> list[str]:
        """Return the group or the run under the cursor."""
        group, job = self.groups.group_at_cursor(), self.jobs.job_at_cursor()
        if self.in_groups:
            return [group.group_id] if group else []
        return [str(job.number)] if job else []

    def action_beside(self) -> None:
        """Show something else beside the table: curves, log, machine."""
        self.query_one(Beside).toggle()

    def action_compare(self) -> None:
        """Show the curves of the marked runs side by side."""
        if len(self.jobs.marked) < 2:
            self.say("mark two runs or more with space, then = compares them", is_error=True)
        else:
            self.with_chosen(self.runforge.show_compared)

    @on(RowList.Chosen, "#groups")
    def action_open_group(self) -> None:
        """Open the group under the cursor, or that of the run."""
        self.with_group(lambda group: self.runforge.show_group(group.group_id))

    def action_mark(self) -> None:
        """Mark the job under the cursor (for a click on the key bar; the table handles the key)."""
        self.jobs.action_mark()

    def action_switch(self) -> None:
        """Move between jobs and groups."""
        target = self.jobs if self.in_groups or not self.query_one("#side").display else self.groups
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
        elif self.in_groups:
            self.jobs.focus()
        elif not self.jobs.clear_marks():
            field.value = ""
            self._ask(jobs=parse(""))

    def _ask(self, **changes: object) -> None:
        self.runforge.ask_for(self.runforge.job_query._replace(**changes))  # type: ignore[arg-type]

    def action_only_group(self) -> None:
        """Show only the jobs of a group, or all again."""
        if self.runforge.job_query.jobs.group_id:
            self._ask(jobs=parse(self.query_one("#filter", Input).value))
        else:
            self.with_group(self._show_only)

    def _show_only(self, group: GroupView) -> None:
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
        self._sort(following, is_reversed=False)

    def _sort(self, sort: str, *, is_reversed: bool) -> None:
        """Sort, and keep it for the next time."""
        self._ask(sort=sort, is_reversed=is_reversed)
        self.runforge.choose(self.runforge.choices._replace(sort=sort, is_reversed=is_reversed))

    @on(JobTable.TitleClicked)
    def _sort_by_title(self, event: JobTable.TitleClicked) -> None:
        if event.key == self.runforge.job_query.sort:
            self.action_reverse()
        elif event.key in SORTS:
            self._sort(event.key, is_reversed=False)

    def action_reverse(self) -> None:
        """Reverse the order."""
        query = self.runforge.job_query
        self._sort(query.sort, is_reversed=not query.is_reversed)

    def action_columns(self) -> None:
        """Choose which columns are shown."""
        from runforge.tui.dialogs import Choose

        def chosen(hidden: frozenset[str] | None) -> None:
            if hidden is not None:
                self.jobs.hide(hidden)
                self.runforge.choose(self.runforge.choices._replace(hidden=",".join(sorted(hidden))))

        names = {key: rule.title for key, rule in RULES.items() if key not in ALWAYS}
        self.app.push_screen(Choose("Columns", names, self.jobs.hidden), chosen)
