"""The outbox of notices. A row is written by the transaction of its event, so that neither is there alone.

A process of its own sends (`runforge.notices`), at least once, and writes here what became of it.
"""

from __future__ import annotations

from runforge import clock, light_json
from runforge.core.states import State
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from runforge.core.outcome import Ending
    from runforge.core.records import Job
    from runforge.store.journal import Transaction

#: Seconds until the second, third, ... try: five within an hour.
BACK_OFF = (60.0, 240.0, 900.0, 2400.0)
#: So many of those that are over are kept.
_KEPT = 500


class Row(NamedTuple):
    """A notice that is to be sent."""

    seq: int
    at: str
    event: str
    job_id: str | None
    group_id: str | None
    detail: dict[str, Any]
    #: Keys of the targets that were told.
    told: tuple[str, ...]
    tries: int


class GivenUp(NamedTuple):
    """A notice that did not reach everybody."""

    seq: int
    at: str
    event: str
    error: str


def note(
    tx: Transaction,
    event: str,
    job_id: str | None = None,
    group_id: str | None = None,
    detail: Mapping[str, Any] | None = None,
    *,
    now: str | None = None,
) -> None:
    """Write a notice. `text` in the detail is its sentence; `asked` sends it whatever `[notify] on` says."""
    values = light_json.dumps(dict(detail or {}))
    moment = now or clock.now()
    tx.run("outbox.note", event=event, job_id=job_id, group_id=group_id, detail=values, now=moment)


# --- what is told of a run -------------------------------------------------------------------------


def started(tx: Transaction, job: Job, now: str) -> None:
    """Note that a run starts for the first time, if that was asked for; of a sweep only the first run."""
    if job.notify != "start" or job.attempt > 1:
        return
    if _speaks_for_itself(job) or tx.row("outbox.is_unstarted", group_id=job.group_id):
        note(tx, "started", job.job_id, job.group_id, {"asked": True}, now=now)


def ended(tx: Transaction, job: Job, ending: Ending, now: str, *, is_group_over: bool) -> None:
    """Note a run's end, its sweep's first failure, and its group's end, after all of it is written."""
    is_failed = ending.state is State.FAILED
    detail = {"state": ending.state.value, "error": ending.error, "asked": job.notify is not None}
    if _speaks_for_itself(job):
        if is_failed and job.notify != "never":
            note(tx, "failed", job.job_id, None, detail, now=now)
        elif job.notify in {"done", "start"}:
            note(tx, "done", job.job_id, None, detail, now=now)
    elif is_failed and job.notify != "never" and tx.row("outbox.is_first_failure", lane_id=job.lane_id):
        note(tx, "failed", job.job_id, job.group_id, detail, now=now)
    if is_group_over:
        wants_nothing, wants_end = tx.row("outbox.wishes", group_id=job.group_id)
        if not wants_nothing:
            note(tx, "group_done", None, job.group_id, {"asked": bool(wants_end)}, now=now)


def _speaks_for_itself(job: Job) -> bool:
    """Return whether a run is told of by itself: outside of a sweep, or asked for where it joined a group."""
    return job.group_id is None or (job.notify is not None and job.overrides == "{}")


# --- sending ---------------------------------------------------------------------------------------


def next_at(tx: Transaction) -> str | None:
    """Return when the next notice is due; None if none waits."""
    found: str | None = tx.row("outbox.next")[0]
    return found


def due(tx: Transaction, now: str, limit: int) -> list[Row]:
    """Return the notices that are to be sent now, in their order."""
    latest = clock.later(now, BACK_OFF[-1])
    rows = tx.rows("outbox.due", now=now, latest=latest, limit=limit)
    plain = [Row._make(row) for row in rows]
    return [
        row._replace(detail=light_json.loads(str(row.detail)), told=tuple(light_json.loads(str(row.told))))
        for row in plain
    ]


def record(tx: Transaction, row: Row, told: Sequence[str], error: str | None, now: str) -> None:
    """Write what became of one try; after the last one the notice is given up."""
    is_over = error is None or row.tries >= len(BACK_OFF)
    tx.run(
        "outbox.told",
        seq=row.seq,
        told=light_json.dumps(list(told)),
        tries=1,
        next_at=now if is_over else clock.later(now, BACK_OFF[row.tries]),
        done_at=now if is_over else None,
        error=error,
    )
    tx.run("outbox.trim", keep=_KEPT)


def drop(tx: Transaction) -> None:
    """Forget what waits: nobody is to be told."""
    tx.run("outbox.drop_open")


def given_up(tx: Transaction, limit: int = 5) -> list[GivenUp]:
    """Return the newest notices that did not reach everybody."""
    return [GivenUp(*row) for row in tx.rows("outbox.given_up", limit=limit)]


def late(tx: Transaction) -> tuple[int, str | None]:
    """Return how many notices are tried again, and why one of them."""
    row = tx.row("outbox.waiting")
    return int(row[0]), row[2]
