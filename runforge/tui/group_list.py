"""The groups: progress, counts, best metric, time left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from runforge import cells
from runforge.tui.columns import Column, fitted
from runforge.tui.row_list import Cell, RowList
from runforge.views.queue_snapshot import GroupProgress, QueueSnapshot
from runforge.views.shown import GroupView, ended_runs, group_state

_COLUMNS = (
    Column("name", "GROUP", 10, grow=1),
    Column("bar", "PROGRESS", 8),
    Column("ended", "ENDED", 9, is_right=True),
    Column("failed", "FAIL", 4, from_width=58, is_right=True),
    Column("best", "BEST", 8, from_width=44, is_right=True),
    Column("left", "LEFT", 6, from_width=36, is_right=True),
)
_layout = lru_cache(maxsize=8)(fitted)
_UNKNOWN = GroupProgress(None, None, None)


class GroupList(RowList):
    """Groups: first those with work, then the newest. The cursor stays on its group."""

    def __init__(self, look_at: Callable[[Sequence[str]], None], *, id: str) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id)
        self._look_at = look_at
        self._groups: list[GroupView] = []
        self._snapshot: QueueSnapshot | None = None
        #: The known progress of groups. Old values stay until new ones come.
        self._progress: dict[str, GroupProgress] = {}
        self._current: str | None = None

    def show(self, snapshot: QueueSnapshot, progress: Mapping[str, GroupProgress]) -> None:
        """Show a new snapshot of the queue."""
        self._snapshot = snapshot
        self._progress.update(progress)
        newest_first = reversed(snapshot.groups)
        self._groups = sorted(newest_first, key=lambda g: (g.status != "running", g.running == 0))
        ids = [group.group_id for group in self._groups]
        if self._current in ids:
            self.cursor = ids.index(self._current)
        self.rows_changed()

    def show_progress(self, progress: Mapping[str, GroupProgress]) -> None:
        """Show the progress of the requested groups."""
        self._progress.update(progress)
        self.repaint_changed()

    def seen_changed(self) -> None:
        """Ask for the progress of the visible groups."""
        top = self.scroll_offset.y
        seen = self._groups[max(0, top - self.page_size) : top + 2 * self.page_size]
        self._look_at([group.group_id for group in seen] if self.display else [])

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
        """Return the text for a list without groups."""
        return [" No group yet"]

    def header(self, width: int) -> Sequence[Cell]:
        """Return the titles."""
        layout = _layout(_COLUMNS, width)
        return layout.line({column.key: column.title for column, _ in layout.columns})

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one group's row."""
        group = self._groups[index]
        ended = ended_runs(group)
        progress = self._progress.get(group.group_id, _UNKNOWN)
        style = group_state(group)
        symbol = cells.SYMBOLS.get(style, ("", ""))[0]
        return _layout(_COLUMNS, width).line(
            {
                "name": Cell(f"{symbol} {group.name}", "succeeded" if style == "completed" else style),
                "bar": cells.bar(ended, group.total, 8),
                "ended": f"{ended}/{group.total}",
                "failed": Cell(str(group.failed or ""), "failed"),
                "best": self._best(progress),
                "left": "paused" if style == "paused" else self._left(group, progress),
            }
        )

    @staticmethod
    def _best(progress: GroupProgress) -> str:
        # A metric without a best run: it has diverged everywhere, or it is unknown what is better.
        return "?" if progress.metric_name and progress.best is None else cells.number(progress.best)

    def _left(self, group: GroupView, progress: GroupProgress) -> str:
        if self._snapshot is None or progress.seconds_per_run is None or group.status != "running":
            return ""
        seconds = (group.queued + group.running / 2) * progress.seconds_per_run
        return "~" + cells.span(seconds / max(1, self._snapshot.daemon.max_parallel))
