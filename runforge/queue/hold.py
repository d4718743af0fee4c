"""Holds waiting runs back, and lets them go. A held run waits, whatever else holds."""

from __future__ import annotations

from collections.abc import Sequence

from runforge import clock
from runforge.core.records import ASKED_AND_HELD, Job
from runforge.core.states import State
from runforge.queue.change import change
from runforge.queue.changed import Changed
from runforge.store import edges
from runforge.store.journal import Transaction
from runforge.workspace import Workspace


def hold(workspace: Workspace, job_ids: Sequence[str]) -> Changed:
    """Keep queued runs from starting until they are released."""
    return _set(workspace, job_ids, is_held=True)


def release(workspace: Workspace, job_ids: Sequence[str]) -> Changed:
    """Let held runs start."""
    return _set(workspace, job_ids, is_held=False)


def _set(workspace: Workspace, job_ids: Sequence[str], *, is_held: bool) -> Changed:
    with change(workspace) as tx:
        return set_held(tx, job_ids, clock.now(), is_held=is_held)


def set_held(tx: Transaction, job_ids: Sequence[str], now: str, *, is_held: bool) -> Changed:
    """Hold or release the queued ones of the jobs, inside a transaction."""
    changed, skipped = [], []
    for job in (edges.known_job(tx, job_id) for job_id in dict.fromkeys(job_ids)):
        if (
            is_held
            and job.waiting is not None
            and tx.run("jobs.recall", job_id=job.job_id, wish=ASKED_AND_HELD, now=now)
        ):
            changed.append(edges.known_job(tx, job.job_id))
            continue
        reason = _why_not(job, is_held=is_held)
        if reason is not None:
            skipped.append((job, reason))
            continue
        tx.run("jobs.set_held", job_id=job.job_id, held=int(is_held), now=now)
        changed.append(edges.known_job(tx, job.job_id))
    return Changed(changed, skipped)


def _why_not(job: Job, *, is_held: bool) -> str | None:
    if job.state is not State.QUEUED:
        return f"already {job.state}"
    if job.held == is_held:
        return "already held" if is_held else "not held"
    return None
