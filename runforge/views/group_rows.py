"""Groups as lists show them, straight from the journal's rows, with the names of `views.shown`."""

from __future__ import annotations

from runforge.core.group_status import group_status


class GroupRow:
    """A group in a list."""

    __slots__ = (
        *("canceled", "failed", "group_id", "name", "pause_reason", "paused", "paused_by"),
        *("running", "status", "succeeded", "sweep_ended", "sweep_made", "sweep_wanted", "total"),
    )

    def __init__(
        self,
        group_id: str,
        name: str,
        is_paused: int,
        paused_by: str | None,
        pause_reason: str | None,
        is_canceled: int,
        is_open: int,
        queued: int,
        running: int,
        succeeded: int,
        failed: int,
        canceled: int,
        stopped: int,
        sweep_ended: str | None,
        sweep_made: int | None,
        sweep_wanted: int | None,
    ) -> None:
        self.group_id = group_id
        self.name = name
        self.paused = bool(is_paused)
        self.paused_by = paused_by
        self.pause_reason = pause_reason
        self.running = running
        self.succeeded = succeeded
        self.failed = failed
        self.canceled = canceled
        self.sweep_ended = sweep_ended
        self.sweep_made = sweep_made
        self.sweep_wanted = sweep_wanted
        self.total = queued + running + succeeded + failed + canceled
        self.status = group_status(
            queued=queued,
            running=running,
            failed=failed,
            canceled=canceled,
            is_canceled=bool(is_canceled),
            is_open=bool(is_open),
            stopped=stopped,
        )
