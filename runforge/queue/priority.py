"""Changes which of the waiting runs comes first."""

from __future__ import annotations

from collections.abc import Sequence

from runforge import clock
from runforge.core.records import Job
from runforge.core.states import LIVE
from runforge.errors import OperationFailed
from runforge.queue.change import change
from runforge.queue.changed import Changed
from runforge.store import records, targets, transitions
from runforge.store.journal import Transaction
from runforge.workspace import Workspace

_PRIORITY_LIMIT = 1_000_000


def set_priority(workspace: Workspace, name: str, priority: int) -> int:
    """Set the priority of a run, or of a group's live runs; return how many changed."""
    if abs(priority) > _PRIORITY_LIMIT:
        raise OperationFailed(
            f"priority {priority} is out of range", fix=f"Use -{_PRIORITY_LIMIT} to {_PRIORITY_LIMIT}"
        )
    with change(workspace) as tx:
        now = clock.now()
        jobs = _jobs_meant(tx, name)
        return sum(tx.run("jobs.set_priority", job_id=job.job_id, priority=priority, now=now) for job in jobs)


def set_priorities(workspace: Workspace, job_ids: Sequence[str], priority: int) -> Changed:
    """Set the priority of those of the jobs that are queued or running, in one change."""
    changed, skipped = [], []
    with change(workspace) as tx:
        now = clock.now()
        for job_id in job_ids:
            job = records.job(tx.row("jobs.by_job_id", job_id=job_id))
            if tx.run("jobs.set_priority", job_id=job_id, priority=priority, now=now):
                changed.append(job._replace(priority=priority))
            else:
                skipped.append((job, f"already {job.state}"))
    return Changed(changed, skipped)


def shift_priority(workspace: Workspace, names: Sequence[str], by: int) -> int:
    """Change the priority of all live runs of these names (runs or groups); return how many changed."""
    with change(workspace) as tx:
        now = clock.now()
        jobs = [job for name in names for job in _jobs_meant(tx, name) if job.state in LIVE]
        for job in jobs:
            priority = max(-_PRIORITY_LIMIT, min(_PRIORITY_LIMIT, job.priority + by))
            tx.run("jobs.set_priority", job_id=job.job_id, priority=priority, now=now)
    return len(jobs)


def _jobs_meant(tx: Transaction, name: str) -> list[Job]:
    found = targets.either(tx, name)
    return [found] if isinstance(found, Job) else transitions.jobs_of_group(tx, found.group_id)
