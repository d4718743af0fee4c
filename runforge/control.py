"""The door through which commands and screens change the queue.

Every function is one acknowledged change: it returns after the commit, having rung the daemon's
bell, and brought the exports up to date where no daemon does. Refusals change nothing.
"""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

from runforge import clock, doorbell, enqueue, export, failpoints, resolve
from runforge.durable import write_atomic
from runforge.enqueue import DEFAULT_MAX_RUNS, EnqueuedSweep
from runforge.errors import OperationFailed
from runforge.model import Job
from runforge.states import LIVE, State
from runforge.store import records, transitions
from runforge.store.connection import CHECKPOINT_BYTES, Journal, Transaction, exists, open_journal
from runforge.workspace import Workspace

_PRIORITY_LIMIT = 1_000_000


class CancelOutcome(NamedTuple):
    """What a cancel did: runs that never started, and runs that are being stopped."""

    canceled_queued: int
    stopping: int


class PruneOutcome(NamedTuple):
    """What prune removed, or would remove."""

    jobs: int
    bytes: int


def _announce(workspace: Workspace) -> None:
    failpoints.hit("command.committed")
    doorbell.ring(workspace.doorbell)
    export.refresh_if_alone(workspace)


@contextlib.contextmanager
def _change(workspace: Workspace) -> Iterator[Transaction]:
    """One transaction on an existing journal, announced after its commit."""
    with _existing(workspace) as journal:
        with journal.write() as tx:
            yield tx
        _tidy(journal)
    _announce(workspace)


def _tidy(journal: Journal) -> None:
    journal.checkpoint(above=CHECKPOINT_BYTES)


def _existing(workspace: Workspace) -> Journal:
    """Open the journal; a command that has nothing to change must not make one."""
    if not exists(workspace):
        raise OperationFailed(
            "nothing has been enqueued in this workspace",
            where=str(workspace.root),
            fix="Start with `runforge enqueue-sweep` or `enqueue-run`",
        )
    return open_journal(workspace)


def enqueue_sweep(
    workspace: Workspace,
    plan_bytes: bytes,
    *,
    where: str,
    max_runs: int = DEFAULT_MAX_RUNS,
    dry_run_seconds: float | None = None,
) -> EnqueuedSweep:
    """Make a group of runs from a plan; see `runforge.enqueue.enqueue_sweep`."""
    made = enqueue.enqueue_sweep(
        workspace, plan_bytes, where=where, max_runs=max_runs, dry_run_seconds=dry_run_seconds
    )
    _announce(workspace)
    return made


def enqueue_run(
    workspace: Workspace,
    run_id: str,
    *,
    group_id: str | None = None,
    priority: int = 0,
    dry_run_seconds: float | None = None,
) -> Job:
    """Enqueue an existing run folder; see `runforge.enqueue.enqueue_run`."""
    job = enqueue.enqueue_run(
        workspace, run_id, group_id=group_id, priority=priority, dry_run_seconds=dry_run_seconds
    )
    _announce(workspace)
    return job


def resolve_group(workspace: Workspace, name: str) -> str:
    """Return the id of the one group that a name means."""
    with _existing(workspace) as journal, journal.read() as tx:
        return resolve.group_id(tx, name)


def resolve_run(workspace: Workspace, name: str) -> str:
    """Return the id of the one run that a name means."""
    with _existing(workspace) as journal, journal.read() as tx:
        return resolve.job(tx, name).run_id


def pause_group(workspace: Workspace, name: str) -> str:
    """Let nothing new of the group start; running runs go on. Returns the group's id."""
    return _set_paused(workspace, name, is_paused=True)


def resume_group(workspace: Workspace, name: str) -> str:
    """Let the group start runs again. Returns the group's id."""
    return _set_paused(workspace, name, is_paused=False)


def _set_paused(workspace: Workspace, name: str, *, is_paused: bool) -> str:
    with _change(workspace) as tx:
        group_id = resolve.group_id(tx, name)
        tx.run("groups.set_paused", group_id=group_id, is_paused=int(is_paused), now=clock.now())
    return group_id


def retry_failed(workspace: Workspace, name: str) -> int:
    """Queue each failed run of the group once more; return how many."""
    with _change(workspace) as tx:
        group_id = resolve.group_id(tx, name)
        failed = [j for j in transitions.jobs_of_group(tx, group_id) if j.state is State.FAILED]
        now = clock.now()
        for job in failed:
            transitions.retry(tx, job, now)
    return len(failed)


def retry_run(workspace: Workspace, name: str) -> Job:
    """Queue a failed or canceled run once more: the same job, its next attempt."""
    with _change(workspace) as tx:
        job = resolve.job(tx, name)
        if job.state not in {State.FAILED, State.CANCELED}:
            raise OperationFailed(
                f"run {job.run_id} is {job.state}", fix="Only failed and canceled runs are retried"
            )
        transitions.retry(tx, job, clock.now())
        return resolve.job(tx, job.run_id)


def retry_runs(workspace: Workspace, run_ids: Sequence[str]) -> int:
    """Queue those of the runs that have failed or were canceled once more; return how many."""
    with _change(workspace) as tx:
        jobs = [resolve.job(tx, run_id) for run_id in run_ids]
        ended = [job for job in jobs if job.state in {State.FAILED, State.CANCELED}]
        now = clock.now()
        for job in ended:
            transitions.retry(tx, job, now)
    return len(ended)


def rerun(workspace: Workspace, name: str) -> Job:
    """Enqueue a new run copied from an old one; see `runforge.enqueue.enqueue_copy`."""
    with _existing(workspace) as journal, journal.read() as tx:
        old = resolve.job(tx, name)
    job = enqueue.enqueue_copy(workspace, old)
    _announce(workspace)
    return job


def cancel_group(workspace: Workspace, name: str, *, let_running_finish: bool = False) -> CancelOutcome:
    """Cancel what is queued at once and stop what runs (TERM, 10 s, KILL)."""
    with _change(workspace) as tx:
        group_id = resolve.group_id(tx, name)
        live = [j for j in transitions.jobs_of_group(tx, group_id) if j.state in LIVE]
        now = clock.now()
        if live:
            tx.run("groups.set_canceled", group_id=group_id, is_canceled=1, now=now)
        stopping = _cancel(tx, live, now, let_running_finish=let_running_finish)
    _leave_cancel_files(workspace, stopping)
    doorbell.ring(workspace.doorbell)
    queued = sum(job.state is State.QUEUED for job in live)
    return CancelOutcome(queued, len(stopping))


def cancel_run(workspace: Workspace, name: str) -> CancelOutcome:
    """Cancel one run: at once if it is queued, by TERM, 10 s and KILL if it runs."""
    with _change(workspace) as tx:
        job = resolve.job(tx, name)
        if job.state not in LIVE:
            raise OperationFailed(
                f"run {job.run_id} is {job.state}", fix="Only queued and running runs are canceled"
            )
        stopping = _cancel(tx, [job], clock.now(), let_running_finish=False)
    _leave_cancel_files(workspace, stopping)
    doorbell.ring(workspace.doorbell)
    return CancelOutcome(1 - len(stopping), len(stopping))


def cancel_runs(workspace: Workspace, run_ids: Sequence[str]) -> CancelOutcome:
    """Cancel those of the runs that are queued or running, in one change."""
    with _change(workspace) as tx:
        live = [job for job in (resolve.job(tx, run_id) for run_id in run_ids) if job.state in LIVE]
        stopping = _cancel(tx, live, clock.now(), let_running_finish=False)
    _leave_cancel_files(workspace, stopping)
    doorbell.ring(workspace.doorbell)
    return CancelOutcome(len(live) - len(stopping), len(stopping))


def _cancel(tx: Transaction, jobs: list[Job], now: str, *, let_running_finish: bool) -> list[Job]:
    stopping = []
    for job in jobs:
        if job.state is State.QUEUED:
            transitions.cancel_queued(tx, job, now)
        elif not let_running_finish:
            transitions.ask_to_cancel(tx, job, now)
            stopping.append(job)
    return stopping


def cancel_all_running(workspace: Workspace) -> int:
    """Ask every running run to stop; return how many there are."""
    with _change(workspace) as tx:
        running = [records.job(row) for row in tx.rows("jobs.running")]
        now = clock.now()
        for job in running:
            transitions.ask_to_cancel(tx, job, now)
    _leave_cancel_files(workspace, running)
    return len(running)


def _leave_cancel_files(workspace: Workspace, jobs: list[Job]) -> None:
    """Leave the file that a supervisor watches, so that a cancel works with the daemon dead.

    A folder that is not there yet belongs to an attempt that the daemon is just launching: it reads
    the request from the journal.
    """
    failpoints.hit("cancel.noted")
    for job in jobs:
        folder = workspace.attempt_dir(job.run_id, job.attempt)
        with contextlib.suppress(FileNotFoundError):
            write_atomic(folder / "cancel", b"", durable=False)
        failpoints.hit("cancel.left")


def set_priority(workspace: Workspace, name: str, priority: int) -> int:
    """Set the priority of a run, or of a group's live runs; return how many changed."""
    if abs(priority) > _PRIORITY_LIMIT:
        raise OperationFailed(
            f"priority {priority} is out of range", fix=f"Use -{_PRIORITY_LIMIT} to {_PRIORITY_LIMIT}"
        )
    with _change(workspace) as tx:
        now = clock.now()
        jobs = _jobs_of_either(tx, name)
        return sum(tx.run("jobs.set_priority", job_id=job.job_id, priority=priority, now=now) for job in jobs)


def shift_priority(workspace: Workspace, names: Sequence[str], by: int) -> int:
    """Raise or lower the priority of the live runs that the names (runs or groups) mean; return how many."""
    with _change(workspace) as tx:
        now = clock.now()
        jobs = [job for name in names for job in _jobs_of_either(tx, name) if job.state in LIVE]
        for job in jobs:
            priority = max(-_PRIORITY_LIMIT, min(_PRIORITY_LIMIT, job.priority + by))
            tx.run("jobs.set_priority", job_id=job.job_id, priority=priority, now=now)
    return len(jobs)


def _jobs_of_either(tx: Transaction, name: str) -> list[Job]:
    try:
        return transitions.jobs_of_group(tx, resolve.group_id(tx, name))
    except OperationFailed:
        return [resolve.job(tx, name)]


def set_wanted(workspace: Workspace, wanted: str, drain_until: str | None = None) -> None:
    """Tell the daemon to run on, to drain, or to stop."""
    with _change(workspace) as tx:
        tx.run("journal.set_wanted", wanted=wanted, drain_until=drain_until)


def prune(
    workspace: Workspace,
    older_than_seconds: float,
    *,
    delete_runs: bool = False,
    dry_run: bool = False,
) -> PruneOutcome:
    """Forget jobs that ended longer ago; groups go as a whole. Run folders stay unless asked."""
    moment = clock.utc_now() - timedelta(seconds=older_than_seconds)
    if not exists(workspace):
        return PruneOutcome(0, 0)
    before = clock.to_text(moment)
    with open_journal(workspace) as journal, journal.read() as tx:
        old = _prunable(tx, before)
    if dry_run or not old:
        return PruneOutcome(len(old), sum(_size(workspace, job) for job in old) if delete_runs else 0)
    with _change(workspace) as tx:
        old = _prunable(tx, before)  # a run may have joined one of the groups meanwhile
        groups = _forget(tx, old)
    size = sum(_size(workspace, job) for job in old) if delete_runs else 0
    failpoints.hit("prune.forgotten")
    for job in old:
        shutil.rmtree(workspace.attempt_dir(job.run_id, 1).parent, ignore_errors=True)
        if delete_runs and job.run_dir.startswith(".runforge/runs/"):
            shutil.rmtree(workspace.root / job.run_dir, ignore_errors=True)
    for group_id in groups:
        shutil.rmtree(workspace.group_dir(group_id), ignore_errors=True)
    return PruneOutcome(len(old), size)


def _prunable(tx: Transaction, before: str) -> list[Job]:
    return [records.job(row) for row in tx.rows("jobs.prunable", before=before)]


def _forget(tx: Transaction, old: list[Job]) -> list[str]:
    """Delete jobs and the groups that are empty then; return those."""
    now, gone = clock.now(), []
    for job in old:
        tx.run("jobs.mark_pruned", job_id=job.job_id, now=now)
        tx.run("jobs.delete", job_id=job.job_id)
    for group_id in {job.group_id for job in old if job.group_id}:
        tx.run("groups.mark_pruned", group_id=group_id, now=now)
        if tx.run("groups.delete_empty", group_id=group_id):
            gone.append(group_id)
    return gone


def _size(workspace: Workspace, job: Job) -> int:
    folder = workspace.root / job.run_dir
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_symlink() and p.is_file())


def overrides_of(job: Job) -> dict[str, object]:
    """Return what the sweep changed for this run, dot path to value."""
    return dict(json.loads(job.overrides))
