"""Queues ended runs again: the same job, its next attempt."""

from __future__ import annotations

from collections.abc import Sequence

from runforge import clock
from runforge.core.records import Job
from runforge.core.states import State
from runforge.errors import OperationFailed
from runforge.queue import taken_request
from runforge.queue.change import change
from runforge.store import targets, transitions
from runforge.store.journal import Transaction
from runforge.workspace import Workspace


def retry_failed(workspace: Workspace, name: str) -> int:
    """Queue each failed run of the group again; return how many."""
    with change(workspace) as tx:
        group_id = targets.group_id(tx, name)
        failed = [j for j in transitions.jobs_of_group(tx, group_id) if j.state is State.FAILED]
        now = clock.now()
        for job in failed:
            _again(workspace, tx, job, now)
    return len(failed)


def retry_run(workspace: Workspace, name: str) -> Job:
    """Queue a failed or canceled run again: the same job, its next attempt."""
    with change(workspace) as tx:
        job = targets.job(tx, name)
        if job.state not in {State.FAILED, State.CANCELED}:
            raise OperationFailed(
                f"run {job.run_id} is {job.state}", fix="Only failed and canceled runs are retried"
            )
        _again(workspace, tx, job, clock.now())
        return targets.job(tx, job.run_id)


def retry_runs(workspace: Workspace, run_ids: Sequence[str]) -> int:
    """Queue the failed and canceled ones of the runs again; return how many."""
    with change(workspace) as tx:
        jobs = [targets.job(tx, run_id) for run_id in run_ids]
        ended = [job for job in jobs if job.state in {State.FAILED, State.CANCELED}]
        now = clock.now()
        for job in ended:
            _again(workspace, tx, job, now)
    return len(ended)


def _again(workspace: Workspace, tx: Transaction, job: Job, now: str) -> None:
    taken_request.take(workspace, tx, job, now)
    transitions.retry(tx, job, now)
