"""The only functions that move a job. Each is a guarded update inside the caller's transaction.

If no row changes, IllegalTransition is raised and the caller's rollback undoes everything. A trigger of the
database writes the journal entry in the same transaction.
"""

from __future__ import annotations

import json

from runforge.core.outcome import Ending, Grant
from runforge.core.records import Job
from runforge.core.resources import Resources, checked
from runforge.core.states import Cause, State
from runforge.core.submission import USUAL
from runforge.store import records
from runforge.store.failures import IllegalTransition
from runforge.store.journal import Transaction

_USUAL = USUAL.columns()


def _require(changed: int, job: Job, wish: str) -> None:
    if changed != 1:
        raise IllegalTransition(
            f"run {job.run_id} cannot be {wish}: it is {job.state}, attempt {job.attempt}, "
            "or has changed meanwhile"
        )


def enqueue(tx: Transaction, needs: Resources, **columns: object) -> None:
    """Put a new job into the queue; the columns are those of `jobs.insert`, as usual where not given."""
    tx.run("jobs.insert", shape_id=_shape_id(tx, needs), **{**_USUAL, **columns})


def _shape_id(tx: Transaction, needs: Resources) -> int:
    values = checked(needs)._asdict()
    row = tx.row("jobs.shape_id", **values) or tx.row("jobs.new_shape", **values)
    return int(row[0])


def claim(tx: Transaction, job: Job, grant: Grant, now: str) -> None:
    """Move queued -> running, with slot, devices, attempt row and the lane's turn."""
    _require(tx.run("jobs.claim", job_id=job.job_id, attempt=job.attempt, now=now), job, "started")
    tx.run(
        "attempts.insert",
        job_id=job.job_id,
        run_id=job.run_id,
        attempt=job.attempt,
        token=grant.token,
        epoch=grant.epoch,
        devices=json.dumps(grant.uuids),
        now=now,
    )
    tx.run("attempts.take_slot", slot_no=grant.slot, job_id=job.job_id)
    for slot, device, is_whole in grant.devices:
        if not is_whole:
            tx.run("attempts.share_device", device=device)
        share_mb = None if is_whole else 0
        tx.run("attempts.grant_device", slot_no=slot, job_id=job.job_id, device=device, share_mb=share_mb)
    served = tx.row("groups.serve", group_id=job.group_id)[0]
    tx.run("groups.set_served", lane_id=job.lane_id, served=served)
    if job.group_id is not None:
        tx.run("groups.mark_started", group_id=job.group_id, now=now)


def end(tx: Transaction, job: Job, ending: Ending, now: str) -> None:
    """Move queued or running -> terminal and free the slots; fail_fast also ends the group's queued jobs."""
    changed = tx.run(
        "jobs.end",
        job_id=job.job_id,
        attempt=job.attempt,
        from_state=job.state.value,
        state=ending.state.value,
        now=now,
        error=ending.error,
        cause=ending.cause.value,
        metric_name=ending.metric_name,
        metric_value=ending.metric_value,
    )
    _require(changed, job, str(ending.state))
    _end_attempt(tx, job, ending, now)
    if job.group_id is not None:
        if ending.state is State.FAILED:
            _fail_fast(tx, job.group_id, job.run_id, now)
        tx.run("groups.settle", group_id=job.group_id, now=now)


def _end_attempt(tx: Transaction, job: Job, ending: Ending, now: str) -> None:
    tx.run(
        "attempts.end",
        job_id=job.job_id,
        attempt=job.attempt,
        now=now,
        cause=ending.cause.value,
        error=ending.error,
        exit_code=ending.exit_code,
        signal=ending.signal,
    )
    tx.run("attempts.free_slots", job_id=job.job_id)
    tx.run("attempts.free_devices", job_id=job.job_id)


def _fail_fast(tx: Transaction, group_id: str, run_id: str, now: str) -> None:
    group = records.group(tx.row("groups.by_id", group_id=group_id))
    if not group.fail_fast:
        return
    reason = f"not started: run {run_id} failed, and the plan says fail_fast"
    for waiting in jobs_of_group(tx, group_id):
        if waiting.state is State.QUEUED:
            cancel_queued(tx, waiting, now, cause=Cause.GROUP_FAILED_FAST, reason=reason)


def cancel_queued(
    tx: Transaction,
    job: Job,
    now: str,
    *,
    cause: Cause = Cause.CANCELED,
    reason: str = "canceled before it started",
) -> None:
    """Move queued -> canceled."""
    end(tx, job, Ending(State.CANCELED, cause, reason), now)


def requeue(tx: Transaction, job: Job, ending: Ending, now: str, *, not_before: str | None = None) -> None:
    """Move running -> queued with the next attempt: after a lost attempt, or if there was no room.

    With `not_before` it does not start before that time.
    """
    changed = tx.run(
        "jobs.requeue",
        job_id=job.job_id,
        attempt=job.attempt,
        now=now,
        error=ending.error,
        cause=ending.cause.value,
        lost=int(ending.cause is not Cause.POSTPONED),
        not_before=not_before,
    )
    _require(changed, job, "requeued")
    _end_attempt(tx, job, ending, now)


def retry(tx: Transaction, job: Job, now: str) -> None:
    """Move failed or canceled -> queued with the next attempt; its group is open again."""
    changed = tx.run("jobs.retry", job_id=job.job_id, attempt=job.attempt, now=now)
    _require(changed, job, "retried")
    if job.group_id is not None:
        tx.run("groups.set_canceled", group_id=job.group_id, is_canceled=0, now=now)
        tx.run("groups.settle", group_id=job.group_id, now=now)


def ask_to_cancel(tx: Transaction, job: Job, now: str) -> None:
    """Record that a running job must be stopped. A second call changes nothing."""
    tx.run("jobs.ask_to_cancel", job_id=job.job_id, now=now)


def jobs_of_group(tx: Transaction, group_id: str) -> list[Job]:
    """Return a group's jobs in order of creation."""
    return [records.job(row) for row in tx.rows("jobs.of_group", group_id=group_id)]
