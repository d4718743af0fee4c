"""Removes runs from the journal that ended long ago."""

from __future__ import annotations

from datetime import timedelta
from typing import NamedTuple

from runforge import clock, failpoints
from runforge.core.records import Job
from runforge.queue import remove
from runforge.queue.change import change
from runforge.store import records, transitions
from runforge.store.journal import Transaction
from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace


class PruneOutcome(NamedTuple):
    """What prune removed, or would remove."""

    jobs: int
    bytes: int


def prune(
    workspace: Workspace,
    older_than_seconds: float,
    *,
    delete_runs: bool = False,
    dry_run: bool = False,
) -> PruneOutcome:
    """Remove jobs that ended longer ago than this; a group only as a whole. Run folders stay unless asked."""
    moment = clock.utc_now() - timedelta(seconds=older_than_seconds)
    if not exists(workspace):
        return PruneOutcome(0, 0)
    before = clock.to_text(moment)
    with open_journal(workspace) as journal, journal.read() as tx:
        old = _prunable(tx, before)
    if dry_run or not old:
        return PruneOutcome(len(old), sum(_size(workspace, job) for job in old) if delete_runs else 0)
    with change(workspace) as tx:
        old = _prunable(tx, before)  # a run may have joined one of the groups meanwhile
        groups = transitions.forget(tx, old, clock.now())
    size = sum(_size(workspace, job) for job in old) if delete_runs else 0
    failpoints.hit("prune.forgotten")
    remove.delete_folders(workspace, old, groups, run_folders=delete_runs)
    return PruneOutcome(len(old), size)


def _prunable(tx: Transaction, before: str) -> list[Job]:
    return [records.job(row) for row in tx.rows("jobs.prunable", before=before)]


def _size(workspace: Workspace, job: Job) -> int:
    folder = workspace.root / job.run_dir
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_symlink() and p.is_file())
