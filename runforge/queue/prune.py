"""Removes runs from the journal that ended long ago."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from runforge import clock, failpoints
from runforge.core.records import Job
from runforge.queue import provenance, remove
from runforge.queue.change import change
from runforge.store import code as codes
from runforge.store import records, transitions
from runforge.store.journal import Transaction
from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace


class PruneOutcome(NamedTuple):
    """What prune removed, or would remove."""

    forgotten: tuple[Job, ...] = ()
    bytes: int = 0

    @property
    def jobs(self) -> int:
        """How many jobs."""
        return len(self.forgotten)


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
        return PruneOutcome()
    before = clock.to_text(moment)
    with open_journal(workspace) as journal, journal.read() as tx:
        old = _prunable(tx, before)
    if dry_run or not old:
        return PruneOutcome(tuple(old), size_of(workspace, old) if delete_runs else 0)
    with change(workspace) as tx:
        old = _prunable(tx, before)  # a run may have joined one of the groups meanwhile
        groups = transitions.forget(tx, old, clock.now())
        unused = codes.forget_unused(tx)
    size = size_of(workspace, old) if delete_runs else 0
    failpoints.hit("prune.forgotten")
    provenance.let_go(workspace, unused)
    remove.delete_folders(workspace, old, groups, run_folders=delete_runs)
    return PruneOutcome(tuple(old), size)


def _prunable(tx: Transaction, before: str) -> list[Job]:
    return [records.job(row) for row in tx.rows("jobs.prunable", before=before)]


def size_of(workspace: Workspace, jobs: Iterable[Job]) -> int:
    """Return how many bytes the folders of jobs have."""
    return sum(folder_size(workspace.root / job.run_dir) for job in jobs)


def folder_size(folder: Path) -> int:
    """Return how many bytes the files in a folder have."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_symlink() and p.is_file())
