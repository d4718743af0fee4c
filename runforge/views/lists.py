"""Lists of jobs and groups, and one run with all that is known about it."""

from __future__ import annotations

from itertools import islice

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
    from collections.abc import Iterator, Sequence
    from typing import Any

#: So many jobs are read at once.
PAGE = 500


def groups(workspace: Workspace) -> list[GroupView]:
    """Return every group, oldest first."""
    if not exists(workspace):
        return []
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return [*map(group_view, records.groups(tx))]


def jobs(
    workspace: Workspace, *, group_id: str | None = None, state: str | None = None, limit: int | None = None
) -> list[JobView]:
    """Return the jobs that `each_job` yields, at most so many."""
    return list(islice(each_job(workspace, group_id=group_id, state=state), limit))


def each_job(
    workspace: Workspace, *, group_id: str | None = None, state: str | None = None
) -> Iterator[JobView]:
    """Yield jobs in order of creation, optionally of one group or state, each as it is when its page is read.

    A page at a time, so that a million take no more memory than a page, and whoever reads slowly, as a pager does, keeps
    the journal's -wal file from shrinking no longer than a page takes.
    """
    if not exists(workspace):
        return
    now = clock.now()
    after = 0
    with open_snapshot(workspace) as journal:
        while True:
            with journal.read() as tx:
                page = _page(tx, group_id, state, after)
            for row in page:
                yield job_view(records.job(row), now)
            if len(page) < PAGE:
                return
            after = page[-1]["seq"]


def _page(tx: Transaction, group_id: str | None, state: str | None, after: int) -> list[Any]:
    if group_id is None:
        if state is None:
            return tx.rows("jobs.page", after=after, limit=PAGE)
        return tx.rows("jobs.page_in_state", state=state, after=after, limit=PAGE)
    if state is None:
        return tx.rows("jobs.page_of_group", group_id=group_id, after=after, limit=PAGE)
    return tx.rows("jobs.page_of_group_in_state", group_id=group_id, state=state, after=after, limit=PAGE)


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
