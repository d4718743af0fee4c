"""The door through which commands and screens change the queue.

Every function is one acknowledged change: it returns after the commit, having rung the daemon's
bell, and brought the exports up to date where no daemon does. Refusals change nothing.
"""

from __future__ import annotations

from runforge.core.records import Job
from runforge.queue import submit
from runforge.queue.change import announce, change, existing
from runforge.queue.submit import DEFAULT_MAX_RUNS, EnqueuedSweep
from runforge.store import targets
from runforge.workspace import Workspace


def enqueue_sweep(
    workspace: Workspace,
    plan_bytes: bytes,
    *,
    where: str,
    max_runs: int = DEFAULT_MAX_RUNS,
    dry_run_seconds: float | None = None,
) -> EnqueuedSweep:
    """Make a group of runs from a plan; see `runforge.queue.submit.enqueue_sweep`."""
    made = submit.enqueue_sweep(
        workspace, plan_bytes, where=where, max_runs=max_runs, dry_run_seconds=dry_run_seconds
    )
    announce(workspace)
    return made


def enqueue_run(
    workspace: Workspace,
    run_id: str,
    *,
    group_id: str | None = None,
    priority: int = 0,
    dry_run_seconds: float | None = None,
) -> Job:
    """Enqueue an existing run folder; see `runforge.queue.submit.enqueue_run`."""
    job = submit.enqueue_run(
        workspace, run_id, group_id=group_id, priority=priority, dry_run_seconds=dry_run_seconds
    )
    announce(workspace)
    return job


def resolve_group(workspace: Workspace, name: str) -> str:
    """Return the id of the one group that a name means."""
    with existing(workspace) as journal, journal.read() as tx:
        return targets.group_id(tx, name)


def resolve_run(workspace: Workspace, name: str) -> str:
    """Return the id of the one run that a name means."""
    with existing(workspace) as journal, journal.read() as tx:
        return targets.job(tx, name).run_id


def rerun(workspace: Workspace, name: str) -> Job:
    """Enqueue a new run copied from an old one; see `runforge.queue.submit.enqueue_copy`."""
    with existing(workspace) as journal, journal.read() as tx:
        old = targets.job(tx, name)
    job = submit.enqueue_copy(workspace, old)
    announce(workspace)
    return job


def set_wanted(workspace: Workspace, wanted: str, drain_until: str | None = None) -> None:
    """Tell the daemon to run on, to drain, or to stop."""
    with change(workspace) as tx:
        tx.run("journal.set_wanted", wanted=wanted, drain_until=drain_until)
