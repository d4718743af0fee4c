"""The summary of the queue, for `queue-status`."""

from runforge import clock
from runforge.core.states import State
from runforge.store import records
from runforge.store.journal import Transaction
from runforge.store.opening import exists, open_snapshot
from runforge.views.daemon_status import (
    NO_JOURNAL,
    DaemonStatus,
    slots_used,
    status_of,
)
from runforge.views.kin import parents_of
from runforge.views.run_views import at_limit
from runforge.views.shown import JobView, group_view, job_view
from runforge.views.summary import GROUPS_SHOWN, NEXT_SHOWN, QueueSummary
from runforge.views.words import free_if_live, why_running, why_waiting
from runforge.workspace import Workspace


def queue_summary(workspace: Workspace) -> QueueSummary:
    """Return the summary of the queue, in one snapshot."""
    if not exists(workspace):
        return _empty_summary(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        row = records.daemon(tx.row("journal.daemon"))
        status = status_of(workspace, row)
        totals = tx.row("jobs.totals")
        used = slots_used(tx, row)
        many = tx.row("groups.counts")
        now = clock.now()
        running = [records.job(r) for r in tx.rows("jobs.running")]
        waiting = [job for job in running if job.waiting is not None]
        return QueueSummary(
            daemon=status,
            counts={state.value: totals[state.value] or 0 for state in State},
            slots_used=used[0],
            gpu_slots_used=used[1],
            last_served_group=row.last_served_group,
            groups=[group_view(records.group(r)) for r in tx.rows("groups.at_a_glance", limit=GROUPS_SHOWN)],
            groups_open=many["open"],
            groups_total=many["total"],
            running=[job_view(j, now, why_running(workspace, j)) for j in running if j.waiting is None],
            next=[
                *(job_view(j, now, why_running(workspace, j)) for j in waiting[:NEXT_SHOWN]),
                *_next(tx, status, now),
            ],
            is_snapshot=journal.is_snapshot,
        )


def _empty_summary(workspace: Workspace) -> QueueSummary:
    nothing = dict.fromkeys(map(str, State), 0)
    return QueueSummary(
        daemon=status_of(workspace, NO_JOURNAL),
        counts=nothing,
        slots_used=0,
        gpu_slots_used=0,
        last_served_group=None,
        groups=[],
        groups_open=0,
        groups_total=0,
        running=[],
        next=[],
    )


def _next(tx: Transaction, status: DaemonStatus, now: str) -> list[JobView]:
    """Return the first waiting job of each lane, in the order of the lanes, and why it waits."""
    shown, capacity = [], free_if_live(status, tx)
    for lane in tx.rows("groups.lanes_waiting", limit=NEXT_SHOWN):
        for row in tx.rows("jobs.next_waiting", lane_id=lane["lane_id"]):
            job = records.job(row)
            is_paused = bool(lane["is_paused"])
            parents = parents_of(tx, job) if job.blockers else ()
            reason = why_waiting(
                status,
                capacity,
                job,
                is_paused=is_paused,
                is_at_limit=at_limit(tx, job),
                parents=parents,
                pause_reason=lane["pause_reason"],
            )
            shown.append(job_view(job, now, reason))
    return shown
