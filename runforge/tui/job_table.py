"""The table of jobs: the rows that are visible, read from the journal as they come into view."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message

from runforge import cells, clock
from runforge.errors import RunForgeError
from runforge.metrics.curves import Progress
from runforge.tui.columns import Column, Layout, fitted
from runforge.tui.row_list import Cell, RowList
from runforge.views.queue_snapshot import QueueReader, QueueSnapshot
from runforge.views.shown import JobView
from runforge.views.words import WAITING_BRIEF

_COLUMNS = (
    Column("mark", " ", 1),
    Column("run", "RUN", 15, grow=2, keeps_end=True),
    Column("state", "STATE", 11),
    Column("group", "GROUP", 16, from_width=120, grow=2),
    Column("try", "TRY", 3, from_width=90, is_right=True),
    Column("priority", "PRIO", 4, from_width=104, is_right=True),
    Column("metric", "METRIC", 8, from_width=60, is_right=True),
    Column("time", "TIME", 7, from_width=50, is_right=True),
    Column("detail", "DETAIL", 12, from_width=70, grow=5),
)
_READ_AHEAD = 30
_layout = lru_cache(maxsize=8)(fitted)


class JobTable(RowList):
    """Jobs in the snapshot's order. The cursor follows its job, not its line."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "mark", "Mark", show=False),
        Binding("v", "mark_range", "Mark up to here", show=False),
    ]

    class Marked(Message):
        """The marked set is another."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self.marked: set[int] = set()
        self._snapshot: QueueSnapshot | None = None
        self._reader: QueueReader | None = None
        self._rows: dict[int, JobView | None] = {}
        self._is_failing = False
        self._progress: dict[str, Progress] = {}
        self._current: int | None = None
        #: At the top and not moved: the cursor stays on the first line, whichever job that is.
        self._is_at_rest = True
        self._range_from: int | None = None

    def show(self, snapshot: QueueSnapshot, reader: QueueReader) -> None:
        """Show another moment of the queue, the cursor on the same job."""
        query_before = self._snapshot.query if self._snapshot else None
        self._snapshot, self._reader = snapshot, reader
        self._rows, self._is_failing = {}, False
        if self._current is not None and not self._is_at_rest and query_before == snapshot.query:
            index = _index(snapshot.order, self._current, self.cursor)
            if index is not None and index != self.cursor:
                self._follow(index)
        elif query_before is not None and query_before != snapshot.query:
            self.cursor, self._is_at_rest = 0, True
            self.scroll_to(y=0, animate=False)
        self.rows_changed()
        self._current = self._place(self.cursor)

    def _follow(self, index: int) -> None:
        """Keep the cursor's job on its line of the screen where the list allows it."""
        shift = index - self.cursor
        self.virtual_size = self.virtual_size.with_height(self.row_count() + 1)
        self.cursor = index
        top = self.scroll_offset.y
        if top > 0 or not 0 <= index < self.page_size:
            self.scroll_to(y=max(0, top + shift), animate=False)

    def show_progress(self, progress: dict[str, Progress]) -> None:
        """Take note of how far the running jobs are; `repaint_changed` shows it."""
        self._progress = progress

    def job_at_cursor(self) -> JobView | None:
        """Return the job under the cursor."""
        return self._job(self.cursor)

    def chosen(self) -> list[JobView]:
        """Return the marked jobs, or the one under the cursor."""
        if self.marked and self._reader and self._snapshot:
            rows = self._reader.rows(sorted(self.marked), self._snapshot)
            return [rows[place] for place in sorted(rows)]
        job = self.job_at_cursor()
        return [job] if job else []

    def clear_marks(self) -> bool:
        """Forget the marks; False if there were none."""
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
        """Mark or unmark the job under the cursor and go on to the next."""
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
        """Return the titles, an arrow at the sorted one."""
        layout: Layout = _layout(_COLUMNS, width)
        query = self._snapshot.query if self._snapshot else None
        arrow = "▴" if query and query.is_reversed else "▾"
        titles = {
            column.key: column.title + (arrow if query and query.sort == column.key else "")
            for column, _ in layout.columns
        }
        return layout.line(titles)

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one job's row."""
        job = self._job(index)
        layout: Layout = _layout(_COLUMNS, width)
        if job is None:
            return layout.line({"run": "…"})
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
                "time": cells.span(self._seconds(job)),
                "detail": self._detail(job, progress),
            }
        )

    def _metric(self, job: JobView, progress: Progress | None) -> str:
        return cells.number(progress.value) if progress else cells.metric(job.metric_name, job.metric_value)

    def empty_text(self) -> list[str]:
        """Return what to do when no job is there, or none matches."""
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
        if place is None or self._snapshot is None or self._reader is None:
            return None
        if place not in self._rows:
            top = self.scroll_offset.y
            start = max(0, min(index, top) - _READ_AHEAD)
            end = max(index, top + self.page_size) + _READ_AHEAD
            if end - start > 10 * _READ_AHEAD:  # a jump far outside of the window
                start, end = max(0, index - _READ_AHEAD), index + _READ_AHEAD
            self._rows = self._read(self._snapshot, self._reader, start, end)
        return self._rows.get(place)

    def _read(
        self, snapshot: QueueSnapshot, reader: QueueReader, start: int, end: int
    ) -> dict[int, JobView | None]:
        places = snapshot.order[start:end]
        rows: dict[int, JobView | None] = dict.fromkeys(places)
        if not self._is_failing:
            try:
                rows.update(reader.rows(places, snapshot))
            except RunForgeError:
                self._is_failing = True  # the feed tells of it, and shows a new snapshot once it can
        return rows

    @staticmethod
    def _seconds(job: JobView) -> float | None:
        if job.state == "running" and job.started_at:
            return clock.seconds_between(job.started_at, clock.now())
        return job.seconds

    def _detail(self, job: JobView, progress: Progress | None) -> Cell:
        overrides = " ".join(f"{key.rpartition('.')[2]}={value}" for key, value in job.overrides.items())
        if job.cancel_requested and job.state == "running":
            return Cell("stopping ...", "canceled")
        if job.state == "running" and progress and progress.epoch and progress.epochs:
            bar = cells.bar(progress.epoch, progress.epochs, 8)
            return Cell(f"{bar} {progress.epoch}/{progress.epochs} {overrides}")
        if job.error:
            return Cell(job.error, "failed" if job.state == "failed" else "dim")
        if job.waiting:
            return Cell(f"[{WAITING_BRIEF.get(job.waiting, job.waiting)}] {overrides}", "dim")
        return Cell(overrides, "dim")


def _index(order: Sequence[int], place: int, near: int) -> int | None:
    """Return where a job stands in the order: first where it was, else wherever it went."""
    if near < len(order) and order[near] == place:
        return near
    try:
        return order.index(place)
    except ValueError:
        return None
