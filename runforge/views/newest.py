"""The newest of what there is: for lists that must not grow, and for the shell's completion."""

from __future__ import annotations

from runforge import clock
from runforge.store import records
from runforge.store.opening import exists, open_snapshot
from runforge.views import shown
from runforge.views.shown import JobView
from runforge.workspace import Workspace


def newest_jobs(workspace: Workspace, limit: int) -> tuple[list[JobView], int]:
    """Return the newest jobs, oldest first, and how many there are in all."""
    if not exists(workspace):
        return [], 0
    now = clock.now()
    with open_snapshot(workspace) as journal, journal.read() as tx:
        found = [shown.job_view(records.job(row), now) for row in tx.rows("jobs.newest", limit=limit)]
        return found, sum(count or 0 for count in tx.row("jobs.totals"))


def known_ids(workspace: Workspace) -> tuple[list[str], list[str]]:
    """Return recent (group ids, run ids), for shell completion."""
    if not exists(workspace):
        return [], []
    with open_snapshot(workspace) as journal, journal.read() as tx:
        found_groups = [str(row[0]) for row in tx.rows("groups.some_ids")]
        return found_groups, [str(row[0]) for row in tx.rows("jobs.some_run_ids")]
