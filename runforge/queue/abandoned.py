"""Cancels the waiting runs of a foreground `sweep` that was killed: nobody waits for them."""

from __future__ import annotations

from runforge import clock
from runforge.core.states import State
from runforge.store import foreground, transitions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.store.journal import Journal
    from runforge.workspace import Workspace

_REASON = "canceled before it started: the `sweep` in the foreground that it belongs to was killed"


def told(canceled: int) -> str:
    """Return what was done, for people."""
    return f"canceled {canceled} waiting runs: the `sweep` in the foreground that they belong to was killed"


def cancel(workspace: Workspace, journal: Journal) -> int:
    """Cancel the waiting runs of killed sweeps; return how many. Running runs continue as usual."""
    if not foreground.has_abandoned(workspace):
        return 0
    canceled = 0
    with foreground.abandoned(workspace) as groups:
        for group_id in groups:
            with journal.write() as tx:
                waiting = [j for j in transitions.jobs_of_group(tx, group_id) if j.state is State.QUEUED]
                transitions.cancel_queued(tx, waiting, clock.now(), reason=_REASON)
            canceled += len(waiting)
    return canceled
