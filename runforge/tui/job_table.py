"""The table of jobs. The feed delivers the visible rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import ClassVar, TypeAlias

from textual.binding import Binding, BindingType
from textual.message import Message

from runforge import cells
from runforge.metrics.progress import Progress
from runforge.tui.columns import Column, Layout, fitted
from runforge.tui.row_list import Cell, RowList
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import JobView, seconds_so_far
from runforge.views.words import WAITING_BRIEF

_COLUMNS = (
    Column("mark", " ", 1),
    Column("run", "RUN", 15, grow=2, keeps_end=True),
    Column("state", "STATE", 11),
    Column("group", "GROUP", 16, from_width=120, grow=2),
    Column("try", "TRY", 3, from_width=90, is_right=True),
    Column("priority", "PRIO", 5, from_width=104, is_right=True),
    Column("metric", "METRIC", 8, from_width=60, is_right=True),
    Column("time", "TIME", 7, from_width=50, is_right=True),
    Column("detail", "DETAIL", 12, from_width=70, grow=5),
)
#: Rows asked for above and below the visible ones, at least.
_AHEAD = 30
#: Asks for rows: a range of the order, and the job under the cursor.
LookAt: TypeAlias = "Callable[[int, int, int | None], None]"
_layout = lru_cache(maxsize=8)(fitted)


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

    def __init__(self, look_at: LookAt, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.marked: set[int] = set()
        self._look_at = look_at
        self._snapshot: QueueSnapshot | None = None
        #: Rows of this snapshot; None for a pruned job.
        self._rows: dict[int, JobView | None] = {}
        #: Rows of the previous snapshot: shown until the new ones arrive.
        self._old_rows: dict[int, JobView | None] = {}
        self._progress: dict[str, Progress] = {}
        self._current: int | None = None
        #: The cursor was not moved: it stays on the first line, whatever job is there.
        self._is_at_rest = True
        self._range_from: int | None = None

    def show(self, snapshot: QueueSnapshot, rows: Mapping[int, JobView | None]) -> None:
        """Show a new snapshot of the queue, with the cursor on the same job."""
        query_before = self._snapshot.query if self._snapshot else None
        if snapshot is not self._snapshot:
            self._old_rows, self._rows = self._rows or self._old_rows, {}
        self._snapshot = snapshot
        self._rows.update(rows)
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
        self.seen_changed()
        self.repaint_changed()

    def seen_changed(self) -> None:
        """Ask for the visible rows and those around them."""
        if self._snapshot is None:
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

    def show_progress(self, progress: dict[str, Progress]) -> None:
        """Store the progress of the running jobs; `repaint_changed` shows it."""
        self._progress = progress

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
        layout: Layout = _layout(_COLUMNS, width)
        query = self._snapshot.query if self._snapshot else None
        arrow = "▴" if query and query.is_reversed else "▾"
        titles = {
            column.key: column.title + (arrow if query and query.sort == column.key else "")
            for column, _ in layout.columns
        }
        return layout.line(titles)

    def header_clicked(self, x: int) -> None:
        """Report which column's title was clicked."""
        key = _layout(_COLUMNS, max(1, self.scrollable_content_region.width)).key_at(x)
        if key is not None:
            self.post_message(self.TitleClicked(key))

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one job's row."""
        job = self._job(index)
        layout: Layout = _layout(_COLUMNS, width)
        if job is None:
            return layout.line({"run": Cell("…", "dim")})
        progress = self._progress.get(job.run_id) if job.state == "running" else None
        return layout.line(
            {
                "mark": "*" if self.is_marked(index) else " ",
                "run": job.run_id,
                "state": Cell(cells.state_cell(job.state), job.state),
                "group": (job.group_id or "").split("_", 3)[-1],
                "try": str(job.attempt) if job.attempt > 1 else "",
                "priority": str(job.priority) if job.priority else "",
                "metric": self._metric(job, progress),
                "time": cells.span(seconds_so_far(job)),
                "detail": self._detail(job, progress),
            }
        )

    def _metric(self, job: JobView, progress: Progress | None) -> str:
        return cells.number(progress.value) if progress else cells.metric(job.metric_name, job.metric_value)

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

    def _detail(self, job: JobView, progress: Progress | None) -> Cell:
        overrides = " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in job.overrides.items())
        if job.cancel_requested and job.state == "running":
            return Cell("stopping ...", "canceled")
        if job.frozen_at is not None or job.yield_requested:
            return Cell(job.pause_text or "", "paused")
        if job.state == "running" and progress and progress.epoch and progress.epochs:
            bar = cells.bar(progress.epoch, progress.epochs, 8)
            return Cell(f"{bar} {progress.epoch}/{progress.epochs} {overrides}")
        if job.error:
            return Cell(job.error, "failed" if job.state == "failed" else "dim")
        if job.waiting:
            return Cell(f"[{WAITING_BRIEF.get(job.waiting, job.waiting)}] {overrides}", "dim")
        return Cell(overrides, "dim")


def _index(order: Sequence[int], place: int, near: int) -> int | None:
    """Return the position of a job in the order: try its old position first."""
    if near < len(order) and order[near] == place:
        return near
    try:
        return order.index(place)
    except ValueError:
        return None
