"""The table of jobs. The feed delivers the visible rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from textual.binding import Binding, BindingType
from textual.message import Message

from runforge import cells
from runforge.tui import differences, job_columns
from runforge.tui.columns import NARROW, Layout
from runforge.tui.row_list import Cell, RowList
from runforge.tui.seen import Ahead
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import JobView

if TYPE_CHECKING:
    from runforge.tui.live import Live

#: Rows asked for above and below the visible ones, at least.
_AHEAD = 30
#: Where there is little room, another metric's name is cut, not its value.
_NARROW_METRIC = 8
#: Asks for rows: a range of the order, and the job under the cursor.
LookAt: TypeAlias = "Callable[[int, int, int | None], None]"


class JobTable(RowList):
    """Jobs in the snapshot's order. The cursor stays on its job, not on its line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", show=False),
        Binding("v", "mark_range", "Mark up to here", show=False),
    ]

    class TitleClicked(Message):
        """A column's title was clicked."""

        def __init__(self, key: str) -> None:
            self.key = key
            super().__init__()

    class Marked(Message):
        """The set of marked jobs has changed."""

    def __init__(self, look_at: LookAt, hidden: frozenset[str], *, id: str) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id, classes="panel")
        self.marked: set[int] = set()
        #: The columns that the user does not want.
        self.hidden = hidden
        self._look_at = look_at
        self._snapshot: QueueSnapshot | None = None
        #: Rows of this snapshot; None for a pruned job.
        self._rows: dict[int, JobView | None] = {}
        #: Rows of the previous snapshot: shown until the new ones arrive.
        self._old_rows: dict[int, JobView | None] = {}
        self._live: dict[str, Live] = {}
        self._ahead = Ahead().runs
        #: How wide the texts of each column are, as far as rows were loaded. They only grow until the query changes.
        self._contents: dict[str, int] = {}
        #: The metric that each loaded row shows, and the one that the column is about.
        self._metrics: dict[int, str] = {}
        self._metric = ""
        self._objectives: set[str | None] = set()
        self._measured: dict[int, JobView] = {}
        #: The parameters that tell the loaded runs of a group apart; None for a run that is alone.
        self._paths: dict[str, list[str] | None] = {}
        self._names: dict[str, str] = {}
        self._layouts: dict[int, Layout] = {}
        self._current: int | None = None
        #: The cursor was not moved: it stays on the first line, whatever job is there.
        self._is_at_rest = True
        self._range_from: int | None = None

    def show(self, snapshot: QueueSnapshot, rows: Mapping[int, JobView | None]) -> None:
        """Show a new snapshot of the queue, with the cursor on the same job."""
        query_before = self._snapshot.query if self._snapshot else None
        if snapshot is not self._snapshot:
            self._old_rows, self._rows = self._rows or self._old_rows, {}
        if query_before != snapshot.query:
            self._contents, self._metrics, self._layouts, self._measured = {}, {}, {}, {}
        self._snapshot = snapshot
        self._rows.update(rows)
        self._names = {group.group_id: group.name for group in snapshot.groups}
        self._objectives = {group.objective_metric for group in snapshot.groups}
        self._tell_apart()
        self._measure(rows)
        if self._current is not None and not self._is_at_rest and query_before == snapshot.query:
            index = _index(snapshot.order, self._current, self.cursor)
            if index is not None and index != self.cursor:
                self._follow(index)
        elif query_before is not None and query_before != snapshot.query:
            self.cursor, self._is_at_rest = 0, True
            self.scroll_to(y=0, animate=False, immediate=True)
        self.rows_changed()
        self._current = self._place(self.cursor)

    def show_rows(self, rows: Mapping[int, JobView | None]) -> None:
        """Show the requested rows of the same snapshot."""
        self._rows = {**rows}
        self._tell_apart()
        self._measure(rows)
        self.seen_changed()
        self.repaint_changed()

    def seen_changed(self) -> None:
        """Ask for the visible rows and those around them."""
        if self._snapshot is None or not self.size:
            return
        order, page, top = self._snapshot.order, self.page_size, self.scroll_offset.y
        cursor = self._place(self.cursor)
        near = order[max(0, top - page // 2) : top + page + page // 2]
        if (cursor is None or cursor in self._rows) and all(place in self._rows for place in near):
            return
        ahead = max(_AHEAD, page)
        self._look_at(max(0, top - ahead), top + page + ahead, cursor)

    def _follow(self, index: int) -> None:
        """Keep the cursor's job on its line of the screen if possible."""
        shift = index - self.cursor
        self.virtual_size = self.virtual_size.with_height(self.row_count() + 1)
        self.cursor = index
        top = self.scroll_offset.y
        if top > 0 or not 0 <= index < self.page_size:
            self.scroll_to(y=max(0, top + shift), animate=False, immediate=True)

    def hide(self, hidden: frozenset[str]) -> None:
        """Do not show these columns."""
        self.hidden = hidden
        self._layouts = {}
        self._painted.clear()
        self.refresh()

    def show_live(self, live: dict[str, Live]) -> None:
        """Store what the running jobs report; `repaint_changed` shows it."""
        self._live = live
        self._measure({place: job for place, job in self._rows.items() if job and job.run_id in live})

    def show_ahead(self, ahead: Mapping[str, float]) -> None:
        """Store how many seconds runs still take; `repaint_changed` shows it."""
        if ahead is not self._ahead:
            self._ahead, self._measured = ahead, {}
            self._measure(self._rows)

    def _measure(self, rows: Mapping[int, JobView | None]) -> None:
        """Find out how wide the columns are."""
        before = (dict(self._contents), self._metric)
        self._name_metric()
        for place, job in rows.items():
            if job is not None and (self._measured.get(place) is not job or job.run_id in self._live):
                self._measure_row(place, job)
        self._measured = {place: job for place, job in self._rows.items() if job is not None}
        if (self._contents, self._metric) != before:
            self._layouts = {}
            self._painted.clear()
            self.refresh()

    def _tell_apart(self) -> None:
        """Find out in which parameters the loaded runs of each group differ."""
        groups: dict[str, list[JobView]] = {}
        for job in self._rows.values():
            if job is not None and job.group_id is not None:
                groups.setdefault(job.group_id, []).append(job)
        for group, members in groups.items():
            if len(members) > 1:
                self._paths[group] = differences.differing(members) or None

    def _measure_row(self, place: int, job: JobView) -> None:
        values = self._texts(job, self.size.width or self.app.size.width)
        values["number"] = f"#{place}"
        for key, value in values.items():
            text = value.text if isinstance(value, Cell) else value
            self._contents[key] = max(self._contents.get(key, 0), cells.columns(text))

    def _texts(self, job: JobView, width: int, shown: frozenset[str] = frozenset()) -> dict[str, str | Cell]:
        paths = self._paths.get(job.group_id or "")
        values = job_columns.texts(job, self._live_of(job), paths, width, shown, self._ahead.get(job.job_id))
        values["metric"] = job_columns.metric(job, self._live_of(job), self._metric)
        return {**values, "group": self._names.get(job.group_id or "", "")}

    def _live_of(self, job: JobView) -> Live | None:
        return self._live.get(job.run_id) if job.state == "running" else None

    def _columns(self, width: int) -> Layout:
        layout = self._layouts.get(width)
        if layout is None:
            sorted_by = self._snapshot.query.sort if self._snapshot else ""
            contents = {**self._contents, "metric": self._metric_width(width)}
            contents = {key: 0 if key in self.hidden else wide for key, wide in contents.items()}
            layout = self._layouts[width] = job_columns.fitted(contents, width, sorted_by)
        return layout

    def _metric_width(self, width: int) -> int:
        wanted = self._contents.get("metric", 0)
        wanted = max(wanted, cells.columns(self._metric_title())) if wanted else 0
        return min(wanted, _NARROW_METRIC) if width < NARROW else wanted

    def _metric_title(self) -> str:
        return (self._metric or "metric").upper()

    def _name_metric(self) -> None:
        """Find out which metric the column is about: an objective, or else that of most loaded rows."""
        for place, job in self._rows.items():
            live = self._live_of(job) if job is not None else None
            name = live.metric if live else job.metric_name if job else None
            if name:
                self._metrics[place] = name
        counts, before = Counter(self._metrics.values()), self._metric
        objectives = self._objectives
        self._metric = max(
            counts, key=lambda name: (name in objectives, counts[name], name == before), default=""
        )
        if self._metric != before:
            self._measured = {}
            self._contents.pop("metric", None)

    def job_at_cursor(self) -> JobView | None:
        """Return the job under the cursor."""
        return self._job(self.cursor)

    def place_at_cursor(self) -> list[int]:
        """Return the row id of the job under the cursor, if there is one."""
        place = self._place(self.cursor)
        return [] if place is None else [place]

    def chosen(self) -> list[int]:
        """Return the row ids of the marked jobs, or of the one under the cursor."""
        return sorted(self.marked) if self.marked else self.place_at_cursor()

    def known(self, places: Sequence[int]) -> list[JobView] | None:
        """Return the jobs with these row ids; None if some of them are not loaded."""
        if not all(place in self._rows for place in places):
            return None
        return [job for place in places if (job := self._rows[place])]

    def clear_marks(self) -> bool:
        """Remove all marks; False if there were none."""
        had, self.marked = bool(self.marked), set()
        self._range_from = None
        self.refresh()
        if had:
            self.post_message(self.Marked())
        return had

    def move_to(self, index: int) -> None:
        """Put the cursor on a row; remember its job."""
        super().move_to(index)
        self._is_at_rest = self.cursor == 0 and not self.marked
        self._current = self._place(self.cursor)

    def keep_job(self) -> None:
        """Let the cursor go with its job, also from the first line."""
        self._is_at_rest = False

    def action_mark(self) -> None:
        """Mark or unmark the job under the cursor and move to the next."""
        place = self._place(self.cursor)
        if place is None:
            return
        self.marked ^= {place}
        self._range_from = self.cursor
        self._refresh_row(self.cursor)
        self.post_message(self.Marked())
        self.action_move(1)

    def action_mark_range(self) -> None:
        """Mark everything between the last mark and the cursor."""
        if self._snapshot is None:
            return
        start = self.cursor if self._range_from is None else self._range_from
        low, high = sorted((start, self.cursor))
        self.marked |= set(self._snapshot.order[low : high + 1])
        self._range_from = self.cursor
        self.refresh()
        self.post_message(self.Marked())

    def row_count(self) -> int:
        """Return how many jobs match."""
        return len(self._snapshot.order) if self._snapshot else 0

    def is_marked(self, index: int) -> bool:
        """Return whether the job of the row is marked."""
        return bool(self.marked) and self._place(index) in self.marked

    def header(self, width: int) -> Sequence[Cell]:
        """Return the titles, with an arrow at the sorted column."""
        query = self._snapshot.query if self._snapshot else None
        arrow = "▴" if query and query.is_reversed else "▾"
        layout = self._columns(width)
        titles: dict[str, str | Cell] = {}
        for column, room in layout.columns:
            title = self._metric_title() if column.key == "metric" else column.title
            is_sorted = query is not None and query.sort == column.key
            titles[column.key] = cells.cut(title, room - is_sorted) + (arrow if is_sorted else "")
        return layout.line(titles)

    def header_clicked(self, x: int) -> None:
        """Report which column's title was clicked."""
        key = self._columns(max(1, self.scrollable_content_region.width)).key_at(x)
        if key is not None:
            self.post_message(self.TitleClicked(key))

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one job's row."""
        job, place = self._job(index), self._place(index)
        layout = self._columns(width)
        if job is None or place is None:
            return layout.line({"run": Cell("…", "dim")})
        shown = frozenset(column.key for column, _ in layout.columns)
        values = self._texts(job, width, shown)
        values["number"] = f"{'*' if self.is_marked(index) else '#'}{place}"
        return layout.line(values)

    def empty_text(self) -> list[str]:
        """Return what to do if there is no job, or if none matches."""
        snapshot = self._snapshot
        if snapshot is None:
            return ["  Reading the queue ..."]
        if not snapshot.query.jobs.is_empty and snapshot.total:
            return ["", f"  None of {snapshot.total:,} jobs matches. esc shows all again."]
        return [
            "",
            "  The queue is empty. In another shell:",
            "",
            "    runforge enqueue-sweep --plan plan.json",
            "    runforge enqueue-run --run-id RUN",
            "    runforge init DIR     (a sample plan to begin with)",
        ]

    def _place(self, index: int) -> int | None:
        order = self._snapshot.order if self._snapshot else ()
        return order[index] if 0 <= index < len(order) else None

    def _job(self, index: int) -> JobView | None:
        place = self._place(index)
        if place is None:
            return None
        return self._rows[place] if place in self._rows else self._old_rows.get(place)


def _index(order: Sequence[int], place: int, near: int) -> int | None:
    """Return the position of a job in the order: try its old position first."""
    if near < len(order) and order[near] == place:
        return near
    try:
        return order.index(place)
    except ValueError:
        return None
