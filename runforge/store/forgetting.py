"""Forgets ended jobs, in the caller's transaction: rows, entries, and groups that have no job left.

What stays of them are their runs' names, in one entry `pruned` that names no job: folders may still be there, and
nobody should take them for newer than the journal.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from runforge.core import run_names
from runforge.core.records import Job
from runforge.store import edges
from runforge.store.journal import Transaction


def forget(tx: Transaction, jobs: Sequence[Job], now: str) -> list[str]:
    """Delete ended jobs, and their groups that are empty then; return these groups. Nobody waits for them any more.

    The database refuses it for a job that has not ended.
    """
    if not jobs:
        return []
    job_ids = json.dumps([job.job_id for job in jobs])
    for row in tx.rows("edges.parents_among", parents=job_ids):
        edges.forget_parent(tx, row[0], now)
    tx.run("jobs.delete_many", job_ids=job_ids)
    gone, left = [], []
    for group_id in dict.fromkeys(job.group_id for job in jobs if job.group_id is not None):
        if tx.run("groups.delete_empty", group_id=group_id):
            edges.forget_parent(tx, group_id, now)
            gone.append(group_id)
        else:
            left.append(group_id)
    tx.run("journal.drop_jobs", job_ids=job_ids)
    if gone:
        tx.run("journal.drop_groups", group_ids=json.dumps(gone))
    _note(tx, jobs, left, now)
    return gone


def _note(tx: Transaction, jobs: Iterable[Job], left: Iterable[str], now: str) -> None:
    """Write down that jobs were forgotten: for the exports of the groups that are still there, and for good."""
    for group_id in left:
        tx.run("journal.note_pruned", group_id=group_id, now=now, detail="{}")
    names = run_names.packed(job.run_id for job in jobs)
    tx.run("journal.note_pruned", group_id=None, now=now, detail=json.dumps({"runs": names}))
