"""The groups: progress, counts, best metric, time left."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from runforge import cells
from runforge.tui.columns import Layout, Rule, sized
from runforge.tui.job_columns import time_left
from runforge.tui.row_list import Cell, RowList
from runforge.tui.seen import Ahead, in_order
from runforge.views.labels import ended_runs, group_state
from runforge.views.queue_snapshot import GroupProgress, QueueSnapshot
from runforge.views.shown import GroupView

_RULES = {
    "name": Rule("GROUP", 10, 40, 0, grows=True),
    "bar": Rule("PROGRESS", 8, 8, 2),
    "ended": Rule("ENDED", 9, 9, 1, is_right=True),
    "failed": Rule("FAIL", 4, 4, 5, is_right=True),
    "best": Rule("BEST", 8, 8, 3, is_right=True),
    "of": Rule("RUN", 7, 7, 6),
    "left": Rule("LEFT", 8, 8, 4, is_right=True),
}
_UNKNOWN = GroupProgress(None, None, None)


class GroupList(RowList):
    """Groups: first those with work, then the newest. The cursor stays on its group."""

    def __init__(self, look_at: Callable[[Sequence[str]], None], *, id: str) -> None:  # noqa: A002 - Textual's
        super().__init__(id=id, classes="panel")
        self._look_at = look_at
        self._groups: list[GroupView] = []
        self._snapshot: QueueSnapshot | None = None
        #: The known progress of groups. Old values stay until new ones come.
        self._progress: dict[str, GroupProgress] = {}
        self._ahead = Ahead()
        self._current: str | None = None
        self._contents: dict[str, int] = {}
        self._layouts: dict[int, Layout] = {}

    def show(self, snapshot: QueueSnapshot, progress: Mapping[str, GroupProgress]) -> None:
        """Show a new snapshot of the queue."""
        self._snapshot = snapshot
        self._progress.update(progress)
        self._groups = in_order(snapshot.groups)
        ids = [group.group_id for group in self._groups]
        if self._current in ids:
            self.cursor = ids.index(self._current)
        self._measure()
        self.rows_changed()

    def show_progress(self, progress: Mapping[str, GroupProgress]) -> None:
        """Show the progress of the requested groups."""
        self._progress.update(progress)
        self._measure()
        self.repaint_changed()

    def show_ahead(self, ahead: Ahead) -> None:
        """Store how long groups still take; `repaint_changed` shows it."""
        if ahead is not self._ahead:
            self._ahead = ahead
            self._measure()

    def seen_changed(self) -> None:
        """Ask for the progress of the visible groups."""
        if self.size.height:
            self._look_at([group.group_id for group in self._seen()])

    def _seen(self) -> list[GroupView]:
        top = self.scroll_offset.y
        return self._groups[max(0, top - self.page_size) : top + 2 * self.page_size]

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
        layout = self._columns(width)
        return layout.line({column.key: column.title for column, _ in layout.columns})

    def row(self, index: int, width: int) -> Sequence[Cell]:
        """Return one group's row."""
        return self._columns(width).line(self._texts(self._groups[index]))

    def _columns(self, width: int) -> Layout:
        layout = self._layouts.get(width)
        if layout is None:
            layout = self._layouts[width] = sized(_RULES, self._contents, width, ("name",))
        return layout

    def _measure(self) -> None:
        """Find out how wide the columns of the visible groups are; they only grow."""
        before = dict(self._contents)
        for group in self._seen():
            for key, cell in self._texts(group).items():
                text = cell.text if isinstance(cell, Cell) else cell
                self._contents[key] = max(self._contents.get(key, 0), cells.columns(text))
        if self._contents != before:
            self._layouts = {}
            self.refresh()

    def _texts(self, group: GroupView) -> dict[str, str | Cell]:
        ended = ended_runs(group)
        progress = self._progress.get(group.group_id, _UNKNOWN)
        style = group_state(group)
        symbol = cells.SYMBOLS.get(style, ("", ""))[0]
        ended_early = f"  {group.sweep_ended}" if group.sweep_ended else ""
        return {
            "name": Cell(
                f"{symbol} {group.name}{ended_early}", "succeeded" if style == "completed" else style
            ),
            "bar": Cell(cells.bar(ended, group.total, 8), "bar"),
            "ended": f"{ended}/{group.total}",
            "failed": Cell(str(group.failed or ""), "failed"),
            "best": self._best(progress),
            "of": f"#{progress.best_run}" if progress.best_run is not None else "",
            "left": "paused" if style == "paused" else self._left(group, progress),
        }

    @staticmethod
    def _best(progress: GroupProgress) -> str:
        # A metric without a best run: it has diverged everywhere, or it is unknown what is better.
        return "?" if progress.metric_name and progress.best is None else cells.number(progress.best)

    def _left(self, group: GroupView, progress: GroupProgress) -> str:
        if self._ahead.is_read:
            return time_left(self._ahead.groups.get(group.group_id))
        if self._snapshot is None or progress.seconds_per_run is None or group.status != "running":
            return ""
        seconds = (group.queued + group.running / 2) * progress.seconds_per_run
        return "~" + cells.span(seconds / max(1, self._snapshot.daemon.max_parallel))
