"""Notices what has ended since the last look: groups, and runs without a group."""

from __future__ import annotations

from runforge.text import safe
from runforge.views.queue_snapshot import QueueSnapshot
from runforge.views.shown import GroupView


class Endings:
    """Compares each snapshot with the one before."""

    def __init__(self) -> None:
        self._open: set[str] | None = None
        self._live = 0

    def news(self, snapshot: QueueSnapshot) -> str:
        """Return a sentence about what has ended, or an empty text; nothing is new at the first look."""
        still_open = {group.group_id for group in snapshot.groups if group.status == "running"}
        live = snapshot.counts["queued"] + snapshot.counts["running"]
        before, was_live = self._open, self._live
        self._open, self._live = still_open, live
        if before is None:
            return ""
        gone = before - still_open
        ended = [group for group in snapshot.groups if group.group_id in gone] if gone else []
        if ended:
            return "; ".join(_words(group) for group in ended[:3])
        return "the queue has ended" if was_live and not live else ""


def _words(group: GroupView) -> str:
    counts = [(group.succeeded, "succeeded"), (group.failed, "failed"), (group.canceled, "canceled")]
    said = ", ".join(f"{count} {word}" for count, word in counts if count)
    return safe(f"{group.name} has ended: {said}", 200)
