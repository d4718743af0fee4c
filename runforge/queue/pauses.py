"""Freezes running runs, lets them go on, and asks them to make room. The journal notes the wish first.

The files that the supervisors watch are written here too, so that all of this works without a daemon.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence

from runforge import clock, failpoints
from runforge.attempts import orders
from runforge.core import yielding
from runforge.core.records import ASKED, ASKED_AND_HELD, Job
from runforge.core.states import State
from runforge.queue import wakeup
from runforge.queue.change import announce, existing, tidy
from runforge.queue.changed import Changed
from runforge.store import edges, records, transitions
from runforge.store.journal import Journal, Transaction
from runforge.workspace import Workspace

_GIVEN = (orders.YIELD, orders.FREEZE)


def freeze(workspace: Workspace, job_ids: Sequence[str]) -> Changed:
    """Stop the processes of running runs where they are; memory, devices and slots stay taken."""
    return _set_frozen(workspace, job_ids, is_frozen=True)


def thaw(workspace: Workspace, job_ids: Sequence[str]) -> Changed:
    """Let frozen runs go on."""
    return _set_frozen(workspace, job_ids, is_frozen=False)


def _set_frozen(workspace: Workspace, job_ids: Sequence[str], *, is_frozen: bool) -> Changed:
    return _change(
        workspace,
        job_ids,
        lambda job: yielding.why_not_frozen(job, is_frozen=is_frozen),
        lambda tx, job, now: transitions.set_frozen(tx, job, now, is_frozen=is_frozen),
    )


def ask_to_yield(
    workspace: Workspace, job_ids: Sequence[str], *, is_held: bool = False, is_forced: bool = False
) -> Changed:
    """Ask running runs to save their work and end; they go on later, or when they are released."""
    wish = ASKED_AND_HELD if is_held else ASKED
    return _change(
        workspace,
        job_ids,
        lambda job: yielding.why_not(job, is_held=is_held, is_forced=is_forced),
        lambda tx, job, now: transitions.ask_to_yield(tx, job, now, wish),
    )


def _change(
    workspace: Workspace,
    job_ids: Sequence[str],
    why_not: Callable[[Job], str | None],
    act: Callable[[Transaction, Job, str], None],
) -> Changed:
    """Carry out one wish for those of the jobs that can have it."""
    changed, skipped = [], []
    with existing(workspace) as journal:
        with journal.write() as tx:
            now = clock.now()
            for job in (edges.known_job(tx, job_id) for job_id in dict.fromkeys(job_ids)):
                reason = why_not(job)
                if reason is not None:
                    skipped.append((job, reason))
                    continue
                act(tx, job, now)
                changed.append(edges.known_job(tx, job.job_id))
        failpoints.hit("pause.noted")
        wakeup.ring(workspace.doorbell)
        _leave_orders(workspace, journal, changed)
        tidy(journal)
    announce(workspace)
    return Changed(changed, skipped)


def _leave_orders(workspace: Workspace, journal: Journal, jobs: Sequence[Job]) -> None:
    """Let the attempts have the orders of the journal. Another command may change them meanwhile: look again then."""
    while jobs:
        for job in jobs:
            _leave(workspace, job)
            failpoints.hit("pause.left")
        told = {job.job_id: job for job in jobs}
        with journal.read() as tx:
            rows = [tx.row("jobs.by_job_id", job_id=job_id) for job_id in told]
        jobs = [job for job in map(records.job, filter(None, rows)) if _is_told_else(told[job.job_id], job)]


def _is_told_else(told: Job, job: Job) -> bool:
    """Return whether the same attempt is to have other orders than it was told."""
    is_same = job.state is State.RUNNING and job.attempt == told.attempt
    return is_same and yielding.orders(job) != yielding.orders(told)


def _leave(workspace: Workspace, job: Job) -> None:
    """Write the files that a supervisor watches. What cannot be written the daemon writes.

    If the folder is missing, the daemon is just launching the attempt. It reads the wishes from the journal.
    """
    folder = workspace.attempt_dir(job.run_id, job.attempt)
    wanted = yielding.orders(job)
    for order in _GIVEN:
        with contextlib.suppress(OSError):
            (orders.give if order in wanted else orders.withdraw)(folder, order)
