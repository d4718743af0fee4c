"""Removes runs from the journal that ended long ago.

In slices: each is one transaction, and others write in between. A kill leaves whole slices forgotten and the rest as it
was; folders of the last slice may be left (`queue.orphaned`). Run again, it goes on.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from runforge import clock, failpoints
from runforge.core.records import Job
from runforge.queue import provenance, remove
from runforge.queue.change import announce, existing, tidy
from runforge.store import code as codes
from runforge.store import forgetting, records, space
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace

#: A slice has whole groups, up to so many jobs. A group of more than `_LARGE` jobs is cut.
_SLICE = 1_000
_LARGE = 4_000


class PruneOutcome(NamedTuple):
    """What prune removed, or would remove."""

    jobs: int = 0
    bytes: int = 0
    #: So many bytes of the journal are free and were not given back to the disk: new runs use them.
    kept_free: int = 0


def _ignore(*_: object) -> None:
    pass


def prune(
    workspace: Workspace,
    older_than_seconds: float,
    *,
    delete_runs: bool = False,
    dry_run: bool = False,
    told: Callable[[Sequence[Job]], object] = _ignore,
    progress: Callable[[int, int], object] = _ignore,
) -> PruneOutcome:
    """Remove jobs that ended longer ago than this; a group only as a whole. Run folders stay unless asked.

    `told` gets the jobs that are removed, or would be, some at a time; `progress` how many of how many.
    """
    moment = clock.utc_now() - timedelta(seconds=older_than_seconds)
    if not exists(workspace):
        return PruneOutcome()
    before = clock.to_text(moment)
    with open_journal(workspace) as journal, journal.read() as tx:
        slices = _slices(tx, before)
        if dry_run:
            jobs = size = 0
            for seqs in slices:
                old = _prunable(tx, before, seqs)
                told(old)
                jobs += len(old)
                size += size_of(workspace, old) if delete_runs else 0
            return PruneOutcome(jobs, size)
    with existing(workspace) if slices else open_journal(workspace) as journal:
        outcome = PruneOutcome()
        if slices:
            try:
                outcome = _forget_all(
                    journal, before, slices, delete_runs=delete_runs, told=told, progress=progress
                )
            finally:
                announce(workspace)
        return outcome._replace(kept_free=space.give_back(journal, progress))


def _slices(tx: Transaction, before: str) -> list[array[int]]:
    """Return the numbers of the prunable jobs in slices, in little memory."""
    slices: list[array[int]] = []
    last: str | None = None
    with tx.each("jobs.prunable", before=before) as rows:
        for seq, group_id in rows:
            length = len(slices[-1]) if slices else _LARGE
            if length >= _LARGE or (length >= _SLICE and (group_id is None or group_id != last)):
                slices.append(array("q"))
            slices[-1].append(seq)
            last = group_id
    return slices


def _prunable(tx: Transaction, before: str, seqs: Sequence[int]) -> list[Job]:
    """Return those of the jobs that are prunable now."""
    rows = tx.rows("jobs.prunable_among", before=before, seqs=json.dumps(list(seqs)))
    return [records.job(row) for row in rows]


def _forget_all(
    journal: Journal,
    before: str,
    slices: Sequence[Sequence[int]],
    *,
    delete_runs: bool,
    told: Callable[[Sequence[Job]], object],
    progress: Callable[[int, int], object],
) -> PruneOutcome:
    workspace, total = journal.workspace, sum(map(len, slices))
    jobs = size = 0
    for seqs in slices:
        progress(jobs, total)
        with journal.write() as tx:
            # A run may have been retried, or have joined a group, since the slices were made.
            old = _prunable(tx, before, seqs)
            groups = forgetting.forget(tx, old, clock.now())
            unused = codes.forget_unused(tx)
        tidy(journal)
        told(old)
        jobs += len(old)
        size += size_of(workspace, old) if delete_runs else 0
        failpoints.hit("prune.forgotten")
        provenance.let_go(workspace, unused)
        remove.delete_folders(workspace, old, groups, run_folders=delete_runs)
    return PruneOutcome(jobs, size)


def size_of(workspace: Workspace, jobs: Iterable[Job]) -> int:
    """Return how many bytes the folders of jobs have."""
    return sum(folder_size(workspace.root / job.run_dir) for job in jobs)


def folder_size(folder: Path) -> int:
    """Return how many bytes the files in a folder have."""
    return sum(p.lstat().st_size for p in folder.rglob("*") if not p.is_symlink() and p.is_file())
