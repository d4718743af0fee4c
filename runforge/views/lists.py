"""Lists of jobs and groups, and one run with all that is known about it."""

from __future__ import annotations

from runforge import clock
from runforge.store import records, targets
from runforge.store.journal import Transaction
from runforge.store.opening import exists, open_snapshot, require_journal
from runforge.views.nameable import Known
from runforge.views.nameable import read as read_known
from runforge.views.run_views import read as read_run
from runforge.views.shown import GroupView, JobView, RunView, group_view, job_view
from runforge.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


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


def known(workspace: Workspace) -> Known:
    """Return what a person may type in this workspace."""
    if not exists(workspace):
        return Known([], [], [], [])
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return read_known(tx)


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
        return read_run(tx, workspace, name)
