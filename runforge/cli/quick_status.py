"""`queue-status` without options, the quick way."""

from __future__ import annotations

from runforge import clock
from runforge.cli import status
from runforge.core.daemon_row import DaemonRow
from runforge.store.look import look
from runforge.views import daemon_status
from runforge.views.group_rows import GroupRow
from runforge.views.live_rows import LiveRow
from runforge.views.rows import read_parameters
from runforge.views.summary import GROUPS_SHOWN, NEXT_SHOWN, QueueSummary

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runforge.place import Place
    from runforge.store.transaction import Transaction
    from runforge.views.daemon_status import DaemonStatus
    from runforge.views.kin import Relative


def answer(place: Place) -> bool:
    """Print the status; False if something in it is left to the full way."""
    found = look(place, lambda tx: _read(tx, place))
    if found is None:
        return False
    status.print_summary(found)
    return True


def _read(tx: Transaction, place: Place) -> QueueSummary | None:
    row = DaemonRow(**dict(tx.row("journal.daemon")))
    rows = tx.rows("look.jobs_running")
    if any(each["is_odd"] for each in rows):
        return None
    daemon = daemon_status.status_of(place, row)
    used = daemon_status.slots_used(tx, row)
    many, now = tx.row("groups.counts"), clock.now()
    running = [LiveRow(now, each) for each in rows]
    read_parameters(running, rows)
    for job in running:
        job.waiting_text = _why_running(place, job)
    return QueueSummary(
        daemon=daemon,
        counts={state: number or 0 for state, number in dict(tx.row("jobs.totals")).items()},
        slots_used=used[0],
        gpu_slots_used=used[1],
        last_served_group=row.last_served_group,
        groups=[GroupRow(*each) for each in tx.rows("look.groups_at_a_glance", limit=GROUPS_SHOWN)],
        groups_open=many["open"],
        groups_total=many["total"],
        running=running,
        next=_next(tx, daemon, now),
    )


def _why_running(place: Place, job: LiveRow) -> str | None:
    from runforge.views import words

    found = words.why_running(place, job)
    return None if found is None else found.text


def _next(tx: Transaction, daemon: DaemonStatus, now: str) -> list[LiveRow]:
    lanes = tx.rows("groups.lanes_waiting", limit=NEXT_SHOWN)
    if not lanes:
        return []
    from runforge.views import words

    capacity = words.free_if_live(daemon, tx)
    return [
        _waiting(tx, daemon, capacity, lane, LiveRow(now, row))
        for lane in lanes
        for row in tx.rows("look.jobs_next", lane_id=lane["lane_id"])
    ]


def _parents(tx: Transaction, job: LiveRow) -> Sequence[Relative]:
    from runforge.views import kin  # few jobs wait for others

    return kin.parents_of(tx, job)


def _waiting(tx: Transaction, daemon: DaemonStatus, capacity: Any, lane: Any, job: LiveRow) -> LiveRow:
    from runforge.views import words

    reason = words.why_waiting(
        daemon,
        capacity,
        job,
        is_paused=bool(lane["is_paused"]),
        is_at_limit=bool(job.group_full),
        parents=_parents(tx, job) if job.blockers else (),
        pause_reason=lane["pause_reason"],
    )
    job.waiting_text = reason.text
    return job
