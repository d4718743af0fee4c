"""Cancels runs: queued ones at once, running ones by an order to their supervisor."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

from runforge import clock, failpoints
from runforge.core.records import Job
from runforge.core.states import LIVE, State
from runforge.errors import OperationFailed
from runforge.files.durable import write_atomic
from runforge.queue import wakeup
from runforge.queue.change import announce, committed
from runforge.queue.changed import Changed
from runforge.store import records, targets, transitions
from runforge.store.journal import Transaction
from runforge.workspace import Workspace


class CancelOutcome(NamedTuple):
    """What a cancel did: how many runs will not start, and how many are being stopped."""

    canceled_queued: int
    stopping: int


def cancel_group(workspace: Workspace, name: str, *, let_running_finish: bool = False) -> CancelOutcome:
    """Cancel queued runs at once and stop running ones (TERM, 10 s, KILL)."""
    with committed(workspace) as tx:
        group_id = targets.group_id(tx, name)
        live = [j for j in transitions.jobs_of_group(tx, group_id) if j.state in LIVE]
        now = clock.now()
        is_open = _close(tx, group_id, now)
        if live or is_open:
            tx.run("groups.set_canceled", group_id=group_id, is_canceled=1, now=now)
            transitions.settle(tx, group_id, now)
        stopping = _cancel(tx, live, now, let_running_finish=let_running_finish)
    _deliver(workspace, stopping)
    queued = sum(job.state is State.QUEUED for job in live)
    return CancelOutcome(queued, len(stopping))


def cancel_run(workspace: Workspace, name: str) -> CancelOutcome:
    """Cancel one run: at once if it is queued, by TERM, 10 s and KILL if it runs."""
    with committed(workspace) as tx:
        job = targets.job(tx, name)
        if job.state not in LIVE:
            raise OperationFailed(
                f"run {job.run_id} is {job.state}", fix="Only queued and running runs are canceled"
            )
        stopping = _cancel(tx, [job], clock.now(), let_running_finish=False)
    _deliver(workspace, stopping)
    return CancelOutcome(1 - len(stopping), len(stopping))


def cancel(
    workspace: Workspace,
    job_ids: Sequence[str],
    group_ids: Sequence[str] = (),
    *,
    let_running_finish: bool = False,
) -> Changed:
    """Cancel those of the jobs that are queued or running, in one change; the groups are canceled as such.

    A job that ends because another of them does counts as changed too.
    """
    with committed(workspace) as tx:
        now = clock.now()
        before = [records.job(tx.row("jobs.by_job_id", job_id=job_id)) for job_id in job_ids]
        opened = {group_id for group_id in group_ids if _close(tx, group_id, now)}
        for group_id in ({job.group_id for job in before if job.state in LIVE} & {*group_ids}) | opened:
            tx.run("groups.set_canceled", group_id=group_id, is_canceled=1, now=now)
        for group_id in opened:
            transitions.settle(tx, group_id, now)
        changed, skipped, stopping = [], [], []
        for old in before:
            job = records.job(tx.row("jobs.by_job_id", job_id=old.job_id))
            reason = _why_not(old, let_running_finish=let_running_finish)
            stopping += _cancel(tx, [job], now, let_running_finish=let_running_finish)
            if reason:
                skipped.append((old, reason))
            else:
                changed.append(records.job(tx.row("jobs.by_job_id", job_id=old.job_id)))
    _deliver(workspace, stopping)
    return Changed(changed, skipped)


def _close(tx: Transaction, group_id: str, now: str) -> bool:
    """Let a sweep make no more trials; return whether it would have."""
    group = targets.group(tx, group_id)
    if group.is_open:
        tx.run("groups.set_open", group_id=group_id, is_open=0, now=now)
    return group.is_open


def _why_not(job: Job, *, let_running_finish: bool) -> str:
    """Return why a cancel changes nothing about a job; empty if it does."""
    if job.state not in LIVE:
        return f"already {job.state}"
    if job.state is State.RUNNING and let_running_finish:
        return "already running"
    return "already being stopped" if job.cancel_requested else ""


def cancel_runs(workspace: Workspace, run_ids: Sequence[str]) -> CancelOutcome:
    """Cancel those of the runs that are queued or running, in one change."""
    with committed(workspace) as tx:
        named = (targets.job(tx, run_id) for run_id in dict.fromkeys(run_ids))
        live = [job for job in named if job.state in LIVE]
        stopping = _cancel(tx, live, clock.now(), let_running_finish=False)
    _deliver(workspace, stopping)
    return CancelOutcome(len(live) - len(stopping), len(stopping))


def _cancel(tx: Transaction, jobs: list[Job], now: str, *, let_running_finish: bool) -> list[Job]:
    transitions.cancel_queued(tx, [job for job in jobs if job.state is State.QUEUED], now)
    stopping = [] if let_running_finish else [job for job in jobs if job.state is State.RUNNING]
    for job in stopping:
        transitions.ask_to_cancel(tx, job, now)
    return stopping


def cancel_all_running(workspace: Workspace) -> int:
    """Ask every running run to stop; return how many there are."""
    with committed(workspace) as tx:
        running = [records.job(row) for row in tx.rows("jobs.running")]
        now = clock.now()
        for job in running:
            transitions.ask_to_cancel(tx, job, now)
    _deliver(workspace, running)
    return len(running)


def _deliver(workspace: Workspace, jobs: list[Job]) -> None:
    """First order the supervisors to stop running runs, then announce the change."""
    wakeup.ring(workspace.doorbell)
    _leave_cancel_files(workspace, jobs)
    announce(workspace)


def _leave_cancel_files(workspace: Workspace, jobs: list[Job]) -> None:
    """Write the file that a supervisor watches, so that a cancel works without a daemon.

    If the folder is missing, the daemon is just launching the attempt. It reads the cancel from the journal.
    """
    failpoints.hit("cancel.noted")
    for job in jobs:
        folder = workspace.attempt_dir(job.run_id, job.attempt)
        with contextlib.suppress(FileNotFoundError):
            write_atomic(folder / "cancel", b"", durable=False)
        failpoints.hit("cancel.left")
