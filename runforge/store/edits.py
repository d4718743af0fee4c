"""Changes of jobs that do not move them. Each is guarded: whoever was not quick enough changes nothing."""

from __future__ import annotations

from runforge.core.resources import Resources, checked
from runforge.store.failures import IllegalTransition

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from runforge.core.records import Job
    from runforge.store.journal import Transaction


def exchange(tx: Transaction, job: Job, needs: Resources, columns: Mapping[str, Any], now: str) -> None:
    """Give a queued job a new request; IllegalTransition if it was started or edited since `job` was read."""
    shape_id = _shape_id(tx, needs)
    changed = tx.run(
        "jobs.edit", job_id=job.job_id, version=job.version, shape_id=shape_id, now=now, **columns
    )
    if changed != 1:
        raise IllegalTransition(f"run {job.run_id} cannot be edited: it was started or changed meanwhile")


def set_needs(tx: Transaction, job_id: str, needs: Resources, now: str) -> None:
    """Let a queued job ask for other resources."""
    tx.run("jobs.set_needs", job_id=job_id, shape_id=_shape_id(tx, needs), now=now)


def _shape_id(tx: Transaction, needs: Resources) -> int:
    values = checked(needs)._asdict()
    return int((tx.row("jobs.shape_id", **values) or tx.row("jobs.new_shape", **values))[0])


def describe(tx: Transaction, job: Job, columns: Mapping[str, Any], now: str) -> None:
    """Set name, tags and notes of a job, in any state."""
    tx.run("jobs.describe", job_id=job.job_id, now=now, **columns)


def start_after(tx: Transaction, job: Job, not_before: str | None, now: str) -> None:
    """Let a queued job start no sooner than a time, or at once."""
    tx.run("jobs.set_not_before", job_id=job.job_id, not_before=not_before, now=now)
