"""The only functions that move a job. Each is a guarded update inside the caller's transaction.

If no row changes, IllegalTransition is raised and the caller's rollback undoes everything. A trigger of the
database writes the journal entry in the same transaction.
"""

from __future__ import annotations

from runforge import clock, failpoints, light_json
from runforge.core.resources import Resources, checked
from runforge.core.states import Cause, State
from runforge.core.submission import USUAL
from runforge.later import module
from runforge.store import records
from runforge.store.failures import IllegalTransition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from runforge.core import outcome
    from runforge.core.dependencies import Parent
    from runforge.core.outcome import DeviceGrant, Ending, Grant, Progress
    from runforge.core.records import Job
    from runforge.core.retrying import Again
    from runforge.core.yielding import Returned
    from runforge.store import breaker, edges, learned, outbox, quarantine
    from runforge.store.journal import Transaction
else:
    outcome = module("runforge.core.outcome")
    breaker = module("runforge.store.breaker")
    edges = module("runforge.store.edges")
    learned = module("runforge.store.learned")
    outbox = module("runforge.store.outbox")
    quarantine = module("runforge.store.quarantine")

_USUAL = USUAL.columns()
#: What sends a job back into the queue and does not count as a lost attempt.
FREE = frozenset({Cause.POSTPONED, Cause.PREEMPTED})
#: A queued job that must end, and how.
_Doom = tuple[str, Cause, str]


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


def claim(tx: Transaction, job: Job, grant: Grant, now: str) -> tuple[Job, tuple[str, str] | None]:
    """Move queued -> running, with slot, devices, attempt row and the lane's turn.

    Returns the job, and metric and direction of its group's objective; None without one.
    """
    waiting = None if grant.place is None else ""
    changed = tx.run(
        "jobs.claim", job_id=job.job_id, attempt=job.attempt, now=now, waiting=waiting, slot=grant.slot
    )
    _require(changed, job, "started")
    tx.run(
        "attempts.insert",
        job_id=job.job_id,
        run_id=job.run_id,
        attempt=job.attempt,
        token=grant.token,
        epoch=grant.epoch,
        devices=light_json.dumps(grant.uuids),
        place=grant.place,
        now=now,
    )
    for each in grant.devices:
        _give(tx, job, each)
    served, is_begin, metric, direction = tx.row("groups.serve", group_id=job.group_id)
    tx.run("groups.set_served", lane_id=job.lane_id, served=served)
    outbox.started(tx, job, now)
    if is_begin:
        tx.run("groups.mark_started", group_id=job.group_id, now=now)
    # What `jobs.claim` writes.
    started = job._replace(state=State.RUNNING, started_at=now, error=None, cause=None, stalled_at=None)
    return started._replace(waiting=waiting), None if metric is None else (metric, direction)


def note_progress(tx: Transaction, job: Job, told: Progress, now: str) -> Job:
    """Write down how far an attempt in a cluster has come; return the job. It stays running; what people see changes."""
    name = {"job_id": job.job_id, "attempt": job.attempt}
    if told.place is not None:
        tx.run("attempts.note_place", place=told.place, **name)
    if told.begun_at is not None:
        if tx.run("jobs.begin", begun_at=told.begun_at, now=now, **name):
            tx.run("attempts.begin", begun_at=told.begun_at, node=told.node, **name)
            return job._replace(waiting=None, started_at=told.begun_at)
    elif told.waiting is not None and tx.run("jobs.wait", waiting=told.waiting, now=now, **name):
        return job._replace(waiting=told.waiting)
    return job


def _give(tx: Transaction, job: Job, grant: DeviceGrant) -> None:
    """Write down what a run has of one device. The database refuses more than the device has."""
    if grant.memory_mb:
        tx.run("attempts.note_device", device=grant.device, memory_mb=grant.memory_mb)
    if not grant.is_whole and not grant.share_mb:
        tx.run("attempts.share_device", device=grant.device)
    share_mb = None if grant.is_whole else grant.share_mb
    tx.run(
        "attempts.grant_device", slot_no=grant.slot, job_id=job.job_id, device=grant.device, share_mb=share_mb
    )


def end(tx: Transaction, job: Job, ending: Ending, now: str) -> None:
    """Move queued or running -> terminal and free the slots; fail_fast also ends the group's queued jobs.

    What waits for this job may start now, or never: then it is canceled, and what waits for that, and so on. All of
    it is one list that is worked through, because a chain may be long.
    """
    _cascade(tx, _end(tx, job, ending, now), now)


def _cascade(tx: Transaction, first: list[_Doom], now: str) -> None:
    from collections import deque

    doomed = deque(first)
    while doomed:
        job_id, cause, error = doomed.popleft()
        waiting = edges.job_of(tx, job_id)
        if waiting is not None and waiting.state is State.QUEUED:  # it may be doomed twice
            doomed.extend(_end(tx, waiting, outcome.Ending(State.CANCELED, cause, error), now))
            failpoints.hit("cascade.one_canceled")


def _end(tx: Transaction, job: Job, ending: Ending, now: str) -> list[_Doom]:
    """End one job; return which queued jobs must end because of that, and how."""
    row = tx.row(
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
    _require(int(row is not None), job, str(ending.state))
    if job.state is State.RUNNING:
        _end_attempt(tx, job, ending, now)
        if ending.state is State.SUCCEEDED and job.needs.gpus:
            learned.apply(tx, job, now)
    doomed: list[_Doom] = []
    is_group_over = False
    if job.group_id is not None:
        if job.state is State.RUNNING:
            breaker.after(tx, job.group_id, ending, now)
        if ending.state is State.FAILED:
            doomed += _failing_fast(tx, job.group_id, job.run_id)
        has_succeeded = job.state is State.RUNNING and ending.state is State.SUCCEEDED
        is_group_over = _settle(tx, job.group_id, now, has_succeeded=has_succeeded)
        if row["is_group_awaited"]:
            doomed += _in_vain(edges.after_group(tx, job.group_id, now))
    if row["is_awaited"]:
        doomed += _in_vain(edges.after_run(tx, job.job_id, now))
    outbox.ended(tx, job, ending, now, is_group_over=is_group_over)
    return doomed


def _end_attempt(tx: Transaction, job: Job, ending: Ending, now: str) -> None:
    from runforge.store import uses  # a command that queues a run ends none

    tx.run(
        "attempts.end",
        job_id=job.job_id,
        attempt=job.attempt,
        now=now,
        cause=ending.cause.value,
        error=ending.error,
        exit_code=ending.exit_code,
        signal=ending.signal,
        signature=ending.signature,
        **uses.columns(ending.used),
    )
    if ending.device_failed:
        tx.run("attempts.note_device_failure", job_id=job.job_id, attempt=job.attempt)
        quarantine.judge(tx, job, now)
    if job.needs.gpus:
        tx.run("attempts.free_devices", job_id=job.job_id)


def _failing_fast(tx: Transaction, group_id: str, run_id: str) -> list[_Doom]:
    group = records.group(tx.row("groups.by_id", group_id=group_id))
    if not group.fail_fast:
        return []
    reason = f"not started: run {run_id} failed, and the plan says fail_fast"
    waiting = [job for job in jobs_of_group(tx, group_id) if job.state is State.QUEUED]
    return [(job.job_id, Cause.GROUP_FAILED_FAST, reason) for job in waiting]


def _in_vain(doomed: list[edges.Doomed]) -> list[_Doom]:
    return [(each.job_id, Cause.DEPENDENCY, each.error) for each in doomed]


def _settle(tx: Transaction, group_id: str, now: str, *, has_succeeded: bool = False) -> bool:
    """Note whether a group is over; return whether it is since now, and nobody has canceled it."""
    row = tx.row("groups.settle", group_id=group_id, now=now, has_succeeded=has_succeeded)
    return row is not None and row["finished_at"] == now and not row["is_canceled"]


def settle(tx: Transaction, group_id: str, now: str) -> None:
    """Note whether a group is over, after it was opened or closed; what waits for it may start now, or never."""
    _settle(tx, group_id, now)
    _cascade(tx, _in_vain(edges.after_group(tx, group_id, now)), now)


def cancel_queued(
    tx: Transaction,
    jobs: Iterable[Job],
    now: str,
    *,
    cause: Cause = Cause.CANCELED,
    reason: str = "canceled before it started",
) -> None:
    """Move these queued jobs -> canceled, and then what waits for them in vain: who is named was not in vain."""
    ending = outcome.Ending(State.CANCELED, cause, reason)
    named = {job.job_id: job for job in jobs}.values()
    doomed = [doom for job in named for doom in _end(tx, job, ending, now)]
    _cascade(tx, doomed, now)


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
        lost=int(ending.cause not in FREE),
        not_before=not_before,
        held=int(ending.is_held),
    )
    _require(changed, job, "requeued")
    _end_attempt(tx, job, ending, now)


def give_back(tx: Transaction, job: Job, returned: Returned, now: str) -> None:
    """Move running -> queued with the next attempt, because the run has made room. It costs no retry."""
    ending = returned.ending
    changed = tx.run(
        "jobs.give_back",
        job_id=job.job_id,
        attempt=job.attempt,
        now=now,
        error=ending.error,
        cause=ending.cause.value,
        held=int(ending.is_held),
        idle_yields=returned.idle_yields,
        last_step=returned.last_step,
    )
    _require(changed, job, "queued again")
    _end_attempt(tx, job, ending, now)


def try_again(tx: Transaction, job: Job, ending: Ending, now: str, again: Again) -> None:
    """Move running -> queued with the next attempt, because a rule of the job wants it: the attempt has failed.

    The job has not: nobody who waits for it hears of this.
    """
    changed = tx.run(
        "jobs.try_again",
        job_id=job.job_id,
        attempt=job.attempt,
        now=now,
        error=ending.error,
        cause=ending.cause.value,
        not_before=clock.later(now, again.seconds),
        used=again.used,
    )
    _require(changed, job, "tried again")
    _end_attempt(tx, job, ending, now)
    if again.changed:
        overrides = light_json.dumps({**light_json.loads(job.overrides), **again.changed})
        tx.run("jobs.set_overrides", job_id=job.job_id, overrides=overrides, now=now)
    if again.is_whole:
        shape_id = _shape_id(tx, job.needs._replace(vram_mb=0))
        tx.run("jobs.reshape", job_id=job.job_id, shape_id=shape_id, now=now)
        tx.run("jobs.learn_no_more", job_id=job.job_id)
    if job.group_id is not None:
        breaker.after(tx, job.group_id, ending, now)


def retry(tx: Transaction, job: Job, now: str, *, alone: bool = False) -> list[str]:
    """Move failed or canceled -> queued with the next attempt; its group is open again.

    What was canceled because of this job comes back as well, and what was because of that, unless it is to come
    `alone`. OperationFailed if it would wait for what can never come. Returns the job ids of all that came back.
    """
    lost = edges.in_vain(tx, job)
    if lost is not None:
        raise edges.refusal(job, lost)
    back = _retry(tx, job, now)
    return [job.job_id, *([] if alone else revive(tx, back, now))]


def revive(tx: Transaction, parents: Iterable[str], now: str) -> list[str]:
    """Queue what was canceled because of these runs and groups, which are back, and what was because of that.

    Returns the job ids of all that came back.
    """
    queued: list[str] = []
    from collections import deque

    back = deque(parents)
    while back:
        for waiting in edges.revivable(tx, back.popleft()):
            back.extend(_retry(tx, waiting, now))
            queued.append(waiting.job_id)
            failpoints.hit("revival.one_queued")
    return queued


def _retry(tx: Transaction, job: Job, now: str) -> list[str]:
    """Queue one job again; return what others may have waited for in vain: it, and its group."""
    changed = tx.run("jobs.retry", job_id=job.job_id, attempt=job.attempt, now=now)
    _require(changed, job, "retried")
    if job.group_id is None:
        return [job.job_id]
    tx.run("groups.set_canceled", group_id=job.group_id, is_canceled=0, now=now)
    _settle(tx, job.group_id, now)
    return [job.job_id, job.group_id]


def depend(tx: Transaction, job_id: str, parents: Sequence[Parent], now: str | None = None) -> None:
    """Let a queued job wait for runs and groups, besides those that it waits for already.

    OperationFailed if one of them has ended otherwise; InvalidRequest if they would wait for each other.
    """
    edges.add(tx, edges.known_job(tx, job_id), parents, now or clock.now())


def ask_to_cancel(tx: Transaction, job: Job, now: str) -> None:
    """Record that a running job must be stopped. A second call changes nothing."""
    tx.run("jobs.ask_to_cancel", job_id=job.job_id, now=now)


def set_frozen(tx: Transaction, job: Job, now: str, *, is_frozen: bool) -> None:
    """Record that a running job must stand still, or go on."""
    tx.run("jobs.set_frozen", job_id=job.job_id, frozen_at=now if is_frozen else None, now=now)


def ask_to_yield(tx: Transaction, job: Job, now: str, wish: int) -> None:
    """Record that a running job must make room (`core.records.ASKED`, or to be held then)."""
    tx.run("jobs.ask_to_yield", job_id=job.job_id, wish=wish, now=now)


def jobs_of_group(tx: Transaction, group_id: str) -> list[Job]:
    """Return a group's jobs in order of creation."""
    return [records.job(row) for row in tx.rows("jobs.of_group", group_id=group_id)]
