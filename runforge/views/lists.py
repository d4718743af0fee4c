"""Lists of jobs and groups, and one run with all that is known about it."""

from __future__ import annotations

from runforge import clock, light_json
from runforge.core.states import State
from runforge.named import NamedTuple
from runforge.store import records, targets, uses
from runforge.store.opening import exists, open_snapshot, require_journal
from runforge.views.daemon_status import free_capacity, status_of
from runforge.views.kin import Relative, children_of, parents_of
from runforge.views.labels import sweep_words
from runforge.views.shown import GroupView, JobView, RunView, attempt_view, group_view, is_at_limit, job_view
from runforge.views.words import Waiting, why_running, why_waiting

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runforge.core.records import Job
    from runforge.store.journal import Transaction
    from runforge.workspace import Workspace


def groups(workspace: Workspace) -> list[GroupView]:
    """Return every group, oldest first."""
    if not exists(workspace):
        return []
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return [group_view(records.group(row)) for row in tx.rows("groups.all")]


def jobs(
    workspace: Workspace,
    *,
    group_id: str | None = None,
    state: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[JobView]:
    """Return jobs in order of creation, optionally of one group or state."""
    if not exists(workspace):
        return []
    page = {"limit": -1 if limit is None else limit, "offset": offset}
    now = clock.now()
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return [job_view(records.job(row), now) for row in _page(tx, group_id, state, page)]


def _page(tx: Transaction, group_id: str | None, state: str | None, page: dict[str, int]) -> list[Any]:
    if group_id is None:
        if state is None:
            return tx.rows("jobs.page", **page)
        return tx.rows("jobs.in_state", state=state, **page)
    if state is None:
        return tx.rows("jobs.page_of_group", group_id=group_id, **page)
    return tx.rows("jobs.page_of_group_in_state", group_id=group_id, state=state, **page)


def newest_jobs(workspace: Workspace, limit: int) -> tuple[list[JobView], int]:
    """Return the newest jobs, oldest first, and the number of all jobs."""
    if not exists(workspace):
        return [], 0
    now = clock.now()
    with open_snapshot(workspace) as journal, journal.read() as tx:
        found = [job_view(records.job(row), now) for row in tx.rows("jobs.newest", limit=limit)]
        return found, sum(count or 0 for count in tx.row("jobs.totals"))


class Known(NamedTuple):
    """What can be named, for shell completion: recent ones first, the older ones not at all."""

    groups: list[str]
    group_names: list[str]
    runs: list[str]
    numbers: list[str]


def known(workspace: Workspace) -> Known:
    """Return what a person may type in this workspace."""
    if not exists(workspace):
        return Known([], [], [], [])
    with open_snapshot(workspace) as journal, journal.read() as tx:
        queries = ("groups.some_ids", "groups.some_names", "jobs.some_run_ids", "jobs.some_numbers")
        return Known(*([str(row[0]) for row in tx.rows(query)] for query in queries))


def chosen(
    workspace: Workspace, names: Sequence[str], where: str | None = None, *, runs_only: bool = False
) -> list[JobView]:
    """Return the jobs that several targets mean, those of groups among them; see targets.select."""
    require_journal(workspace)
    now = clock.now()
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return [job_view(job, now) for job in targets.select(tx, names, where, runs_only=runs_only).jobs]


def run(workspace: Workspace, name: str) -> RunView:
    """Return one run with its attempts and its timeline."""
    with open_snapshot(workspace) as journal, journal.read() as tx:
        job = targets.job(tx, name)
        attempts = [records.attempt(r) for r in tx.rows("attempts.of_job", job_id=job.job_id)]
        used = uses.of_job(tx, job.job_id)
        entries = tx.rows("journal.entries_of_job", job_id=job.job_id)
        parents, children = parents_of(tx, job), children_of(tx, job)
        reason = reason_of(tx, workspace, job, parents)
        row = tx.row("groups.by_id", group_id=job.group_id) if job.group_id is not None else None
    sweep_ended = "" if row is None else sweep_words(records.group(row))
    timeline = [{**dict(e), "detail": light_json.loads(e["detail"])} for e in entries]
    shown = [attempt_view(attempt, used.get(attempt.attempt)) for attempt in attempts]
    view = job_view(job, clock.now(), reason)
    folder = workspace.root / job.run_dir
    rules = (job.retry_rules, job.retries_used)
    return RunView(view, shown, timeline, folder, parents, children, *rules, job.request_sha, sweep_ended)


def reason_of(tx: Transaction, workspace: Workspace, job: Job, parents: list[Relative]) -> Waiting | None:
    """Return why a job waits, or why a running one does not end; None if there is nothing to say."""
    if job.state is not State.QUEUED:
        return why_running(workspace, job)
    row = records.daemon(tx.row("journal.daemon"))
    lane = tx.row("groups.is_paused", lane_id=job.lane_id)
    status = status_of(workspace, row)
    capacity = free_capacity(status, tx)
    is_full = at_limit(tx, job)
    return why_waiting(
        status,
        capacity,
        job,
        is_paused=bool(lane["is_paused"]),
        is_at_limit=is_full,
        parents=parents,
        pause_reason=lane["pause_reason"],
    )


def at_limit(tx: Transaction, job: Job) -> bool:
    """Return whether as many runs of a job's group go on as it may have."""
    row = tx.row("groups.by_id", group_id=job.group_id) if job.group_id is not None else None
    return row is not None and is_at_limit(records.group(row))
