"""Moves waiting runs one place up or down among those of their group that have the same priority."""

from __future__ import annotations

from runforge import clock
from runforge.core.records import Job
from runforge.core.states import State
from runforge.queue import recall
from runforge.queue.change import change
from runforge.queue.changed import Changed
from runforge.queue.move import Place, after, before, move_in
from runforge.store import edges
from runforge.store.journal import Transaction
from runforge.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def step(workspace: Workspace, job_ids: Sequence[str], by: int) -> Changed:
    """Move runs before the one that is before the first of them, or after the one that is after the last (by 1)."""
    with recall.taken_back(workspace, job_ids), change(workspace) as tx:
        jobs = [edges.known_job(tx, job_id) for job_id in dict.fromkeys(job_ids)]
        changed: list[Job] = []
        skipped = [(job, f"already {job.state}") for job in jobs if job.state is not State.QUEUED]
        waiting = [job for job in jobs if job.state is State.QUEUED]
        for lane, priority in dict.fromkeys((job.lane_id, job.priority) for job in waiting):
            row = [job for job in waiting if (job.lane_id, job.priority) == (lane, priority)]
            place = _place(tx, row, by)
            if place is None:
                skipped += [(job, "already the last" if by > 0 else "already the first") for job in row]
            else:
                changed += move_in(tx, [job.job_id for job in row], place, clock.now()).changed
    return Changed(changed, skipped)


def _place(tx: Transaction, jobs: Sequence[Job], by: int) -> Place | None:
    """Return where jobs of one lane and priority come; None if there is nothing to pass."""
    moved = {job.job_id for job in jobs}
    order = [
        job_id for job_id, _ in tx.rows("jobs.places", lane_id=jobs[0].lane_id, priority=jobs[0].priority)
    ]
    edge = [number for number, job_id in enumerate(order) if job_id in moved][-1 if by > 0 else 0]
    others = order[edge + 1 :] if by > 0 else order[:edge][::-1]
    if not others:
        return None
    return after(others[0]) if by > 0 else before(others[0])
