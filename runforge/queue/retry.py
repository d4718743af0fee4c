"""Queues ended runs again: the same job, its next attempt; and what was canceled because of them."""

from __future__ import annotations

from collections.abc import Sequence

from runforge import clock
from runforge.core.records import Job
from runforge.core.states import State
from runforge.errors import OperationFailed
from runforge.queue import taken_request
from runforge.queue.change import change
from runforge.queue.changed import Changed
from runforge.store import edges, targets, transitions
from runforge.store.journal import Transaction
from runforge.workspace import Workspace

_ENDED_BADLY = frozenset({State.FAILED, State.CANCELED})


def retry(workspace: Workspace, job_ids: Sequence[str], *, alone: bool = False) -> Changed:
    """Queue the failed and canceled ones of the jobs again, and unless `alone` what was canceled because of them."""
    with change(workspace) as tx:
        return _retry(
            workspace, tx, [edges.known_job(tx, job_id) for job_id in dict.fromkeys(job_ids)], alone=alone
        )


def retry_failed(workspace: Workspace, name: str) -> int:
    """Queue each failed run of the group again; return how many."""
    with change(workspace) as tx:
        group_id = targets.group_id(tx, name)
        failed = [j for j in transitions.jobs_of_group(tx, group_id) if j.state is State.FAILED]
        return len(failed) - len(_retry(workspace, tx, failed).skipped)


def retry_run(workspace: Workspace, name: str) -> Job:
    """Queue a failed or canceled run again: the same job, its next attempt."""
    with change(workspace) as tx:
        job = targets.job(tx, name)
        if job.state not in _ENDED_BADLY:
            raise OperationFailed(
                f"run {job.run_id} is {job.state}", fix="Only failed and canceled runs are retried"
            )
        _retry_one(workspace, tx, job, clock.now(), alone=False)
        return targets.job(tx, job.run_id)


def retry_runs(workspace: Workspace, run_ids: Sequence[str]) -> int:
    """Queue the failed and canceled ones of the runs again; return how many."""
    with change(workspace) as tx:
        jobs = list({run_id: targets.job(tx, run_id) for run_id in run_ids}.values())
        return len(jobs) - len(_retry(workspace, tx, jobs).skipped)


def _retry(workspace: Workspace, tx: Transaction, jobs: Sequence[Job], *, alone: bool = False) -> Changed:
    """Retry them, parents before those that wait for them, whatever the order in which they were named."""
    now = clock.now()
    skipped = [(job, f"already {job.state}") for job in jobs if job.state not in _ENDED_BADLY]
    left = {job.job_id: job for job in jobs if job.state in _ENDED_BADLY}
    done: dict[str, None] = {}
    while ready := [job_id for job_id in left if job_id in done or _can_come_back(tx, job_id)]:
        for job_id in ready:
            if job_id not in done:  # not brought back by one before it
                again = _retry_one(workspace, tx, edges.known_job(tx, job_id), now, alone=alone)
                done.update(dict.fromkeys(again))
            del left[job_id]
    skipped += [(job, _why_not(tx, job)) for job in left.values()]
    return Changed([edges.known_job(tx, job_id) for job_id in done], skipped)


def _retry_one(workspace: Workspace, tx: Transaction, job: Job, now: str, *, alone: bool) -> list[str]:
    """Queue a job again, and what was canceled because of it; return all of these."""
    queued = transitions.retry(tx, job, now, alone=alone)
    for job_id in queued:
        taken_request.take(workspace, tx, edges.known_job(tx, job_id), now)
    return queued


def _can_come_back(tx: Transaction, job_id: str) -> bool:
    return edges.in_vain(tx, edges.known_job(tx, job_id)) is None


def _why_not(tx: Transaction, job: Job) -> str:
    lost = edges.in_vain(tx, job)
    return "" if lost is None else str(edges.refusal(job, lost))
