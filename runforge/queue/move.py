"""Changes the order of waiting runs: among those of their group that have the same priority.

A moved run gets a place between two others. When there is no room left between them, all of them are spread anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from runforge import clock, failpoints
from runforge.core.dependencies import called
from runforge.core.records import Job
from runforge.core.states import State
from runforge.errors import OperationFailed
from runforge.queue import recall
from runforge.queue.change import change
from runforge.queue.changed import Changed
from runforge.store import edges
from runforge.store.journal import Transaction
from runforge.workspace import Workspace

#: Two places are at least so far apart, as a part of the larger one: doubles can tell far closer ones apart.
_CLOSEST = 1e-12


class Place(NamedTuple):
    """Where runs are moved to: `front`, `back`, or `before` or `after` the job with this id."""

    where: str
    job_id: str | None = None


FRONT, BACK = Place("front"), Place("back")


def before(job_id: str) -> Place:
    """Return the place just before a job."""
    return Place("before", job_id)


def after(job_id: str) -> Place:
    """Return the place just after a job."""
    return Place("after", job_id)


class _Row(NamedTuple):
    """The lane and the priority: runs that share them have an order among themselves."""

    lane_id: int
    priority: int


def move(workspace: Workspace, job_ids: Sequence[str], place: Place) -> Changed:
    """Move queued runs; several keep the order that they have now. Nothing is moved if the place is unknown.

    Those that wait in a cluster's queue are taken back for it.
    """
    named = [*job_ids, *([place.job_id] if place.job_id is not None else [])]
    with recall.taken_back(workspace, named), change(workspace) as tx:
        return move_in(tx, job_ids, place, clock.now())


def move_in(tx: Transaction, job_ids: Sequence[str], place: Place, now: str) -> Changed:
    """Move runs inside a transaction."""
    other = None if place.job_id is None else edges.known_job(tx, place.job_id)
    if other is not None and other.state is not State.QUEUED:
        raise OperationFailed(
            f"{called(other)} is {other.state}", fix="Only waiting runs have a place; name another one"
        )
    rows: dict[_Row, list[Job]] = defaultdict(list)
    skipped = []
    for job in (edges.known_job(tx, job_id) for job_id in dict.fromkeys(job_ids)):
        reason = _why_not(job, other)
        if reason is not None:
            skipped.append((job, reason))
        elif other is None or job.job_id != other.job_id:
            rows[_Row(job.lane_id, job.priority)].append(job)
    for row, jobs in rows.items():
        _move_row(tx, row, {job.job_id for job in jobs}, place, now)
    moved = [edges.known_job(tx, job.job_id) for jobs in rows.values() for job in jobs]
    return Changed(moved, skipped)


def _why_not(job: Job, other: Job | None) -> str | None:
    if job.waiting is not None:
        return "in Slurm's queue, and not taken back in time"
    if job.state is not State.QUEUED:
        return f"already {job.state}"
    if other is not None and job.lane_id != other.lane_id:
        return f"not in the group of {called(other)}"
    if other is not None and job.priority != other.priority:
        return f"has priority {job.priority}, and {called(other)} has {other.priority}"
    return None


def _move_row(tx: Transaction, row: _Row, moved: set[str], place: Place, now: str) -> None:
    """Move these jobs of one lane and priority."""
    waiting = [(job_id, at) for job_id, at in tx.rows("jobs.places", **row._asdict())]
    coming = [job_id for job_id, _ in waiting if job_id in moved]
    staying = [(job_id, at) for job_id, at in waiting if job_id not in moved]
    index = _index([job_id for job_id, _ in staying], place)
    end = float(tx.row("jobs.next_seq")[0])  # a run that is queued later comes after all of them
    low = staying[index - 1][1] if index > 0 else None
    high = staying[index][1] if index < len(staying) else end
    places = _between(low, high, len(coming))
    if places is None:
        names = [job_id for job_id, _ in staying]
        names[index:index] = coming
        _spread(tx, names, min(at for _, at in staying), end, now)
    else:
        _put(tx, zip(coming, places, strict=True), now)


def _index(staying: list[str], place: Place) -> int:
    if place.job_id is not None:
        return staying.index(place.job_id) + (place.where == "after")
    return 0 if place.where == "front" else len(staying)


def _between(low: float | None, high: float, count: int) -> list[float] | None:
    """Return as many places between two, in order; None if they are too close to each other."""
    if low is None:
        return [high - count + number for number in range(count)]
    step = (high - low) / (count + 1)
    if step <= max(abs(low), abs(high), 1.0) * _CLOSEST:
        return None
    return [low + step * number for number in range(1, count + 1)]


def _spread(tx: Transaction, names: list[str], first: float, end: float, now: str) -> None:
    """Give all of them new places before `end`, evenly apart."""
    first = min(first, end - len(names))
    step = (end - first) / len(names)
    _put(tx, ((name, first + step * number) for number, name in enumerate(names)), now)


def _put(tx: Transaction, places: Iterable[tuple[str, float]], now: str) -> None:
    for job_id, place in places:
        tx.run("jobs.set_position", job_id=job_id, position=place, now=now)
        failpoints.hit("move.one_placed")
