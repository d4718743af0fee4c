"""The end of an attempt, written into the journal: for good, or for another attempt."""

from __future__ import annotations

import json

from runforge.clock import later
from runforge.core import policy, retrying, yielding
from runforge.core.guards import MOST_ALIKE
from runforge.core.outcome import Ending
from runforge.core.records import ASKED_AND_HELD, Job
from runforge.core.states import Cause, State
from runforge.daemon.attempt_table import RunningAttempt
from runforge.store import records, transitions
from runforge.store.failures import IllegalTransition
from runforge.store.journal import Transaction


def record(
    tx: Transaction, running: RunningAttempt, now: str, version: int | None = None
) -> tuple[Job, Ending]:
    """Record how an attempt ended; return the job as it was, and the recorded ending.

    `version` is that of the journal for this process. The job is not read again if nobody has written since.
    """
    job = running.job
    if version is None or running.version != version:
        job = records.job(tx.row("jobs.by_job_id", job_id=job.job_id))
    if running.ending is None:
        raise IllegalTransition(f"run {job.run_id} has not ended")
    ending = _signed(policy.apply_cancel(running.ending, job), running)._replace(used=running.used)
    again = retrying.another(job, ending, running.ref.token)
    if again is not None and _fails_alike(tx, job, ending):
        again = None
        ending = ending._replace(error=f"{ending.error}; not tried again: it failed {MOST_ALIKE} times alike")
    if again is not None:
        transitions.try_again(tx, job, ending, now, again)
        return job, ending._replace(state=State.QUEUED)
    if ending.state is State.QUEUED and ending.cause is Cause.YIELDED:
        returned = yielding.returned(job, ending)
        transitions.give_back(tx, job, returned, now)
        return job, returned.ending
    if ending.state is State.QUEUED:
        wishes_it_held = ASKED_AND_HELD in {job.yield_requested, job.recalled}
        ending = ending._replace(is_held=ending.is_held or wishes_it_held)
        not_before = None if running.delay is None else later(now, running.delay)
        transitions.requeue(tx, job, ending, now, not_before=not_before)
    else:
        transitions.end(tx, job, ending, now)
    return job, ending


def _signed(ending: Ending, running: RunningAttempt) -> Ending:
    if ending.state is not State.FAILED:
        return ending
    from runforge.core import signature  # many patterns, and most runs succeed

    return ending._replace(signature=signature.of(ending, running.told))


def _fails_alike(tx: Transaction, job: Job, ending: Ending) -> bool:
    """Return whether this was one equal failure too many, among those since a person queued the job."""
    before = MOST_ALIKE - 1
    has_words = (
        ending.signature is not None and ": " in ending.signature
    )  # otherwise nobody knows if they are alike
    if not has_words or sum(json.loads(job.retries_used)) < before:
        return False
    rows = tx.rows("attempts.last_signatures", job_id=job.job_id, limit=before)
    return [row["signature"] for row in rows] == [ending.signature] * before
