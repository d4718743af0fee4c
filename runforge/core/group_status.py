"""A group's status, which follows from its counts. Imports nothing: `groups` is called all day."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.records import Group


def group_status(
    *,
    queued: int,
    running: int,
    failed: int,
    canceled: int,
    is_canceled: bool,
    is_open: bool,
    stopped: int = 0,
) -> str:
    """Return a group's derived status: running, completed, failed or canceled.

    A canceled group has this status once all its runs have ended; so has a group whose runs were all canceled
    one by one, unless it was their sweep's rule that `stopped` them. A failed run makes a group failed. An open
    group waits for more runs.
    """
    if queued or running or (is_open and not is_canceled):
        return "running"
    if is_canceled:
        return "canceled"
    if failed:
        return "failed"
    return "canceled" if canceled > stopped else "completed"


def status_of(group: Group) -> str:
    """Return the status of a group as the journal has it."""
    return group_status(
        queued=group.queued,
        running=group.running,
        failed=group.failed,
        canceled=group.canceled,
        is_canceled=group.is_canceled,
        is_open=group.is_open,
        stopped=group.stopped,
    )
