"""The groups: progress, counts, best metric, time left."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from runforge import cells
from runforge.errors import RunForgeError
from runforge.tui.columns import Column, fitted
from runforge.tui.row_list import Cell, RowList
from runforge.views.queue_snapshot import GroupProgress, QueueReader, QueueSnapshot
from runforge.views.shown import GroupView

_COLUMNS = (
    Column("name", "GROUP", 10, grow=1),
    Column("bar", "PROGRESS", 8),
    Column("done", "DONE", 9, is_right=True),
    Column("failed", "FAIL", 4, from_width=58, is_right=True),
    Column("best", "BEST", 8, from_width=44, is_right=True),
    Column("left", "LEFT", 6, from_width=36, is_right=True),
)
_layout = lru_cache(maxsize=8)(fitted)
_UNKNOWN = GroupProgress(None, None, None)


class GroupList(RowList):
    """Groups, those with work first and then the newest. The cursor follows its group."""

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        super().__init__(id=id)
        self._groups: list[GroupView] = []
        self._snapshot: QueueSnapshot | None = None
        self._reader: QueueReader | None = None
        self._current: str | None = None

    def show(self, snapshot: QueueSnapshot, reader: QueueReader) -> None:
        """Show another moment of the queue."""
        self._snapshot, self._reader = snapshot, reader
        newest_first = reversed(snapshot.groups)
        self._groups = sorted(newest_first, key=lambda g: (g.status != "running", g.running == 0))
        ids = [group.group_id for group in self._groups]
        if self._current in ids:
            self.cursor = ids.index(self._current)
        self.rows_changed()

    def move_to(self, index: int) -> None:
        """Put the cursor on a group."""
        super().move_to(index)
        group = self.group_at_cursor()
        self._current = group.group_id if group else None

    def group_at_cursor(self) -> GroupView | None:
        """Return the group under the cursor."""
        return self._groups[self.cursor] if self.cursor < len(self._groups) else None

    def row_count(self) -> int:
        """Return how many groups there are."""
        return len(self._groups)

    def empty_text(self) -> list[str]:
        """Return what stands in the place of no groups."""
        return [" No group yet"]

    def header(self, width: int) -> Sequence[Cell]:
        """Return the titles."""
        layout = _layout(_COLUMNS, width)
        return layout.line({column.key: column.title for column, _ in layout.columns})

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one group's row."""
        group = self._groups[index]
        done = group.succeeded + group.failed + group.canceled
        progress = self._progress_of(group)
        style = "paused" if group.paused and group.status == "running" else group.status
        symbol = cells.SYMBOLS.get(style, ("", ""))[0]
        return _layout(_COLUMNS, width).line(
            {
                "name": Cell(f"{symbol} {group.name}", "succeeded" if style == "completed" else style),
                "bar": cells.bar(done, group.total, 8),
                "done": f"{done}/{group.total}",
                "failed": Cell(str(group.failed or ""), "failed"),
                "best": self._best(progress),
                "left": "paused" if style == "paused" else self._left(group, progress),
            }
        )

    @staticmethod
    def _best(progress: GroupProgress) -> str:
        # A metric without a best: it has diverged everywhere, or which way is better is not known.
        return "?" if progress.metric_name and progress.best is None else cells.number(progress.best)

    def _progress_of(self, group: GroupView) -> GroupProgress:
        if self._reader is None:
            return _UNKNOWN
        try:
            return self._reader.progress(group)
        except RunForgeError:
            return _UNKNOWN

    def _left(self, group: GroupView, progress: GroupProgress) -> str:
        if self._snapshot is None or progress.seconds_per_run is None or group.status != "running":
            return ""
        seconds = (group.queued + group.running / 2) * progress.seconds_per_run
        return "~" + cells.span(seconds / max(1, self._snapshot.daemon.max_parallel))
