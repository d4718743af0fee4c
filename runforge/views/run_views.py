"""One run with all that is known about it, of one snapshot. Light: `show` is called all day."""

from __future__ import annotations

from runforge import clock
from runforge.core.states import LIVE, State
from runforge.light_json import loads
from runforge.store import plain_targets, records, uses
from runforge.system import os
from runforge.views.kin import children_of, parents_of
from runforge.views.labels import sweep_words
from runforge.views.shown import RunView, attempt_view, is_at_limit, job_view

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.records import Job
    from runforge.place import Place
    from runforge.store.code import Code
    from runforge.store.transaction import Transaction
    from runforge.views.kin import Relative
    from runforge.views.words import Waiting
    from runforge.workspace import Workspace


def read(tx: Transaction, here: Workspace | Place, name: str) -> RunView:
    """Return the one run that the name means."""
    job = plain_targets.run(tx, name) or _searched(tx, name)
    attempts = [records.attempt(row) for row in tx.rows("attempts.of_job", job_id=job.job_id)]
    used = uses.of_job(tx, job.job_id)
    entries = tx.rows("journal.entries_of_job", job_id=job.job_id)
    parents, children = parents_of(tx, job), children_of(tx, job)
    reason = reason_of(tx, here, job, parents)
    row = tx.row("groups.by_id", group_id=job.group_id) if job.group_id is not None else None
    return RunView(
        job_view(job, clock.now(), reason),
        [attempt_view(attempt, used.get(attempt.attempt)) for attempt in attempts],
        [{**dict(entry), "detail": loads(entry["detail"])} for entry in entries],
        os.path.join(here.root, job.run_dir),
        parents,
        children,
        job.retry_rules,
        job.retries_used,
        job.request_sha,
        "" if row is None else sweep_words(records.group(row)),
        _code(tx, job.code_tree),
    )


def _searched(tx: Transaction, name: str) -> Job:
    from runforge.store import targets  # nearly all names are whole

    return targets.job(tx, name)


def _code(tx: Transaction, code_id: str | None) -> Code | None:
    if code_id is None:
        return None
    from runforge.store import code  # `submit` keeps it, other commands do not

    return code.read(tx, code_id)


def reason_of(tx: Transaction, here: Workspace | Place, job: Job, parents: list[Relative]) -> Waiting | None:
    """Return why a job waits, or why a running one does not end; None if there is nothing to say."""
    if job.state not in LIVE:
        return None
    from runforge.views.words import free_if_live, why_running, why_waiting  # nearly all runs have ended

    if job.state is not State.QUEUED:
        return why_running(here, job)
    from runforge.views.daemon_status import status_of

    row = records.daemon(tx.row("journal.daemon"))
    lane = tx.row("groups.is_paused", lane_id=job.lane_id)
    status = status_of(here, row)
    return why_waiting(
        status,
        free_if_live(status, tx),
        job,
        is_paused=bool(lane["is_paused"]),
        is_at_limit=at_limit(tx, job),
        parents=parents,
        pause_reason=lane["pause_reason"],
    )


def at_limit(tx: Transaction, job: Job) -> bool:
    """Return whether as many runs of a job's group go on as it may have."""
    row = tx.row("groups.by_id", group_id=job.group_id) if job.group_id is not None else None
    return row is not None and is_at_limit(records.group(row))
