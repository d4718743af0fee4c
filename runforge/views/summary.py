"""The summary of the queue that `queue-status` prints."""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runforge.views.daemon_status import DaemonStatus
    from runforge.views.group_rows import GroupRow
    from runforge.views.live_rows import LiveRow
    from runforge.views.shown import GroupView, JobView


#: How many jobs that wait, and how many groups of each kind, a summary has.
NEXT_SHOWN = 5
GROUPS_SHOWN = 20


class QueueSummary(NamedTuple):
    """The summary of the queue."""

    daemon: DaemonStatus
    counts: dict[str, int]
    slots_used: int
    gpu_slots_used: int
    last_served_group: str | None
    #: Some of the open groups (queued or running) and the newest of the ended ones, by age.
    groups: Sequence[GroupView | GroupRow]
    groups_open: int
    groups_total: int
    running: Sequence[JobView | LiveRow]
    next: Sequence[JobView | LiveRow]
    #: Read without write permission: the last commits may be missing.
    is_snapshot: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        parts = {
            name: [part.to_json() for part in getattr(self, name)] for name in ("groups", "running", "next")
        }
        return {**self._asdict(), "daemon": self.daemon.to_json(), **parts}
