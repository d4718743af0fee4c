"""The live picture of a queue that a screen keeps open: cheap to ask for, small to hold.

Jobs are held as numbers alone, in the order asked for; rows are read for what is visible. A connection
is kept between reads and opened anew when the journal was replaced; each read is one short snapshot.
For one thread.
"""

from __future__ import annotations

import contextlib
import json
import os
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from runforge import clock
from runforge.core.records import Job
from runforge.core.states import State
from runforge.store import records
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import exists, open_snapshot
from runforge.views import daemon_status, glance, ranking, shown
from runforge.views.daemon_status import DaemonStatus
from runforge.views.filters import JobFilter
from runforge.views.shown import GroupView, JobView
from runforge.views.words import Waiting, why_running, why_waiting
from runforge.workspace import Workspace

#: What jobs can be sorted by; `live` is running, queued, then the newest end first.
SORTS = ("live", "run", "state", "group", "metric", "priority", "time", "detail")
#: Sorts whose first press shows the largest first.
_LARGEST_FIRST = frozenset({"metric", "time"})


@dataclass(frozen=True, slots=True)
class Asked:
    """Which jobs are wanted, and in which order."""

    jobs: JobFilter = field(default_factory=JobFilter)
    sort: str = "live"
    is_reversed: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """How a group does: its best metric so far, and the seconds that one run takes."""

    metric_name: str | None
    best: float | None
    seconds_per_run: float | None


@dataclass(frozen=True, slots=True)
class Board:
    """The queue at one moment."""

    asked: Asked
    daemon: DaemonStatus
    counts: dict[str, int]
    slots_used: int
    gpu_slots_used: int
    groups: list[GroupView]
    running: list[JobView]
    order: Sequence[int]
    has_journal: bool = True

    @property
    def total(self) -> int:
        """Number of jobs in the journal."""
        return sum(self.counts.values())


class BoardReader:
    """Reads boards and rows of one workspace's journal."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._journal: Journal | None = None
        self._inode = 0
        self._standings: dict[str, tuple[int, Standing]] = {}

    def close(self) -> None:
        """Let the journal go; the next read opens it again."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def version(self) -> tuple[int, int]:
        """Return a value that changes when somebody has committed. Costs some microseconds."""
        if not exists(self._workspace):
            self.close()
            return (0, 0)
        with self._reopened_on_error():
            journal = self._open()
            return (self._inode, journal.data_version())

    def daemon(self) -> DaemonStatus:
        """Return how the daemon is at this moment; the journal's row is not read when there is none."""
        if not exists(self._workspace):
            return daemon_status.daemon_status(self._workspace)
        with self._snapshot() as tx:
            return daemon_status.status_of(self._workspace, records.daemon(tx.row("journal.daemon")))

    def board(self, asked: Asked) -> Board:
        """Return the queue, in one snapshot."""
        if not exists(self._workspace):
            empty = glance.queue_summary(self._workspace)
            return Board(asked, empty.daemon, empty.counts, 0, 0, [], [], array("q"), has_journal=False)
        with self._snapshot() as tx:
            row = records.daemon(tx.row("journal.daemon"))
            totals = tx.row("jobs.totals")
            now = clock.now()
            running = [records.job(r) for r in tx.rows("jobs.running")]
            return Board(
                asked,
                daemon_status.status_of(self._workspace, row),
                {state.value: totals[state.value] or 0 for state in State},
                *daemon_status.slots_used(tx),
                [shown.group_view(records.group(r)) for r in tx.rows("groups.all")],
                [shown.job_view(j, now, why_running(self._workspace, j)) for j in running],
                _order(tx, asked, now),
            )

    def rows(self, places: Sequence[int], board: Board) -> dict[int, JobView]:
        """Return the jobs at these places of the journal; those pruned meanwhile are left out."""
        if not places or not exists(self._workspace):
            return {}
        with self._snapshot() as tx:
            found = [records.job(r) for r in tx.rows("jobs.window", seqs=json.dumps(list(places)))]
        now = clock.now()
        paused = {group.group_id for group in board.groups if group.paused}
        return {job.seq: shown.job_view(job, now, self._waiting(job, board, paused)) for job in found}

    def standing(self, group: GroupView) -> Standing:
        """Return how a group does; asked again only after one more run of it has succeeded."""
        known = self._standings.get(group.group_id)
        if known is not None and known[0] == group.succeeded:
            return known[1]
        with self._snapshot() as tx:
            row = tx.row("groups.best_and_pace", group_id=group.group_id)
        direction = ranking.direction_of(group, row["metric_name"])
        best = row["lowest"] if direction == "minimize" else row["highest"]
        standing = Standing(row["metric_name"], best, row["seconds"])
        self._standings[group.group_id] = (group.succeeded, standing)
        return standing

    def _waiting(self, job: Job, board: Board, paused: set[str]) -> Waiting | None:
        if job.state is not State.QUEUED:
            return why_running(self._workspace, job)
        used = (board.slots_used, board.gpu_slots_used)
        capacity = daemon_status.free_capacity(board.daemon, used)
        return why_waiting(board.daemon, capacity, is_paused=job.group_id in paused, needs=job.needs)

    def _open(self) -> Journal:
        inode = os.stat(self._workspace.journal).st_ino
        if self._journal is not None and (inode != self._inode or self._journal.is_detached()):
            self.close()
        if self._journal is None:
            self._journal = open_snapshot(self._workspace)
            self._inode = inode
        return self._journal

    @contextlib.contextmanager
    def _snapshot(self) -> Iterator[Transaction]:
        with self._reopened_on_error(), self._open().read() as tx:
            yield tx

    @contextlib.contextmanager
    def _reopened_on_error(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            with contextlib.suppress(Exception):
                self.close()
            self._journal = None
            raise


def _order(tx: Transaction, asked: Asked, now: str) -> Sequence[int]:
    """Return the places of the matching jobs in the order asked for."""
    if asked.sort == "live" and asked.jobs.is_empty:
        order = array("q")
        for name in ("jobs.order_running", "jobs.order_queued", "jobs.order_ended"):
            order.extend(_places(tx.row(name)[0]))
    else:
        values: dict[str, Any] = asked.jobs.values()
        row = tx.row("jobs.order_matching", sort=asked.sort, now=now, **values)
        order = array("q", _places(row[0]))
        if (asked.sort in _LARGEST_FIRST) != asked.is_reversed:
            with_value = row[1]
            return order[:with_value][::-1] + order[with_value:]
        return order
    return order[::-1] if asked.is_reversed else order


def _places(text: str | None) -> list[int]:
    return [int(word) for word in text.split(",")] if text else []
