"""The jobs that targets mean, from one snapshot of the journal, as few in memory at once as possible."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from runforge import clock
from runforge.core import job_numbers
from runforge.core.records import Group, Job
from runforge.core.states import State
from runforge.store import records, targets, uses
from runforge.store.journal import Transaction
from runforge.store.opening import open_snapshot, require_journal
from runforge.views.shown import job_view
from runforge.views.spool import Spool
from runforge.workspace import Workspace

_BLOCK = 1000
_NOT_USED = dict.fromkeys(("peak_vram_mb", "gpu_use", "peak_rss_mb", "cpu_seconds"))


def spooled(workspace: Workspace, texts: Sequence[str], where: str | None, now: str) -> Spool:
    """Return a record for each job that the targets and the filter mean; without both, for every job.

    A record has the fields of a job for people, and `devices`: seconds on devices of all its attempts, null if it
    used none. `objective` is the metric and the direction of its group, or null.
    """
    require_journal(workspace)
    spool = Spool()
    try:
        with open_snapshot(workspace) as journal, journal.read() as tx:
            groups = {group.group_id: group for group in records.groups(tx)}
            for job in _chosen(tx, texts, where):
                spool.add(_record(tx, job, groups, now))
    except BaseException:
        spool.close()
        raise
    return spool


def _chosen(tx: Transaction, texts: Sequence[str], where: str | None) -> Iterator[Job]:
    if where is None and not texts:
        return _blocks(tx, "jobs.block")
    if where is not None or len(texts) > 1 or _has_several(texts[0]):
        return iter(targets.select(tx, texts, where).jobs)
    # One group, which may be large, is not read at once.
    found = targets.either(tx, texts[0])
    if isinstance(found, Group):
        return _blocks(tx, "jobs.block_of_group", group_id=found.group_id)
    return iter([found])


def _has_several(text: str) -> bool:
    return job_numbers.one(text) is None and job_numbers.ranges(text) is not None


def _blocks(tx: Transaction, query: str, **values: object) -> Iterator[Job]:
    ends = tx.row("jobs.ends")
    if ends["first"] is None:
        return
    for first in range(ends["first"], ends["last"] + 1, _BLOCK):
        yield from map(records.job, tx.rows(query, first=first, after=first + _BLOCK, **values))


def _record(tx: Transaction, job: Job, groups: dict[str, Group], now: str) -> dict[str, Any]:
    view = job_view(job, now)
    group = groups.get(job.group_id or "")
    found: dict[str, Any] = {
        **view._asdict(),
        "request_sha": job.request_sha,
        "group": group.name if group else None,
        "objective": [group.objective_metric, group.direction] if group and group.objective_metric else None,
        "gpu_seconds": _gpu_seconds(tx, job, now) if job.needs.gpus else None,
        **(_NOT_USED if job.started_at is None else _used(tx, job)),
        "has_run": job.started_at is not None and job.state is not State.QUEUED,
    }
    return found


def _used(tx: Transaction, job: Job) -> dict[str, Any]:
    """Return what the last attempt used, as far as it is known."""
    used = uses.of_attempt(tx, job)
    if used is None:
        return _NOT_USED
    highest = max(used.peak_vram.values(), default=None)
    return {
        "peak_vram_mb": highest,
        **{name: getattr(used, name) for name in ("gpu_use", "peak_rss_mb", "cpu_seconds")},
    }


def _gpu_seconds(tx: Transaction, job: Job, now: str) -> float | None:
    spent = 0.0
    for attempt in map(records.attempt, tx.rows("attempts.of_job", job_id=job.job_id)):
        end = attempt.finished_at or now
        spent += len(attempt.devices) * clock.seconds_between(attempt.started_at, end)
    return spent or None
