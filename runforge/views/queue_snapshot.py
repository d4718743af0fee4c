"""Snapshots of the queue for a screen that stays open: quick to read and small.

A snapshot has only the row ids of jobs, in the requested order. Rows are read only for visible jobs. For one
thread.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from runforge import clock
from runforge.core.filters import JobFilter
from runforge.core.ranking import MINIMIZE, ranking
from runforge.core.records import Job
from runforge.core.scheduling import Capacity
from runforge.core.states import State
from runforge.named import NamedTuple
from runforge.store import records
from runforge.store.journal import Transaction
from runforge.store.opening import exists
from runforge.views.daemon_status import (
    DaemonStatus,
    daemon_status,
    slots_used,
    status_of,
)
from runforge.views.free import free_capacity
from runforge.views.journal_reader import JournalReader
from runforge.views.kin import Relative, parents_of
from runforge.views.queue_board import GroupViews, LiveOrder
from runforge.views.shown import GroupView, JobView, is_at_limit, job_view
from runforge.views.words import Waiting, why_running, why_waiting
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from runforge.views.estimate import Outlook

#: What jobs can be sorted by; `live` means: running, queued, then ended ones with the newest first.
SORTS = ("live", "run", "state", "group", "metric", "priority", "time", "detail")
#: The order of so many jobs is read in a moment.
_SHORT = 10_000
#: Sort keys that show the largest first.
_LARGEST_FIRST = frozenset({"metric", "time"})


class JobQuery(NamedTuple):
    """Which jobs a screen wants, and in which order."""

    jobs: JobFilter = JobFilter()
    sort: str = "live"
    is_reversed: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it asks for all jobs in the usual order."""
        return self.sort == "live" and not self.is_reversed and self.jobs.is_empty


class GroupProgress(NamedTuple):
    """The progress of a group: its best metric so far, and the seconds for one run."""

    metric_name: str | None
    best: float | None
    seconds_per_run: float | None
    #: The number of the run that has the best one.
    best_run: int | None = None


class QueueSnapshot(NamedTuple):
    """The queue at one moment."""

    query: JobQuery
    daemon: DaemonStatus
    counts: dict[str, int]
    slots_used: int
    gpu_slots_used: int
    groups: list[GroupView]
    running: list[JobView]
    order: Sequence[int]
    has_journal: bool = True
    #: False if only the beginning of the order was read: 0 stands for each later job.
    is_whole: bool = True

    @property
    def total(self) -> int:
        """Number of jobs in the journal."""
        return sum(self.counts.values())


class QueueReader:
    """Reads snapshots and rows of one workspace's journal."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._reader = JournalReader(workspace)
        self._progress: dict[str, tuple[int, GroupProgress]] = {}
        self._opened = 0
        self._live, self._groups = LiveOrder(), GroupViews()

    def close(self) -> None:
        """Close the journal; the next read opens it again."""
        self._reader.close()

    def version(self) -> tuple[int, int]:
        """Return a value that changes after every commit. This takes some microseconds."""
        return self._reader.version()

    def daemon(self) -> DaemonStatus:
        """Return the daemon's current state; without a daemon its row is not read."""
        if not exists(self._workspace):
            return daemon_status(self._workspace)
        with self._reader.snapshot() as tx:
            return status_of(self._workspace, records.daemon(tx.row("journal.daemon")))

    def snapshot(self, query: JobQuery, *, first: int | None = None) -> QueueSnapshot:
        """Return the queue at this moment; with `first` only so much of its order, if it is a long one."""
        if not exists(self._workspace):
            return _empty(self._workspace, query)
        with self._reader.snapshot() as tx:
            self._keep_or_forget()
            row = records.daemon(tx.row("journal.daemon"))
            totals = tx.row("jobs.totals")
            slots, gpu_slots = slots_used(tx, row)
            now = clock.now()
            running = [records.job(r) for r in tx.rows("jobs.running")]
            counts = {state.value: totals[state.value] or 0 for state in State}
            is_whole = first is None or not query.is_plain or sum(counts.values()) <= _SHORT
            return QueueSnapshot(
                query=query,
                daemon=status_of(self._workspace, row),
                counts=counts,
                slots_used=slots,
                gpu_slots_used=gpu_slots,
                groups=self._groups.read(tx),
                running=[job_view(j, now, why_running(self._workspace, j)) for j in running],
                order=self._order(tx, query, totals, now)
                if first is None or is_whole
                else self._live.beginning(tx, totals, first),
                is_whole=is_whole,
            )

    def _keep_or_forget(self) -> None:
        """Forget what is known of a journal that was opened again: it may be another one."""
        if self._reader.opened != self._opened:
            self._opened, self._live, self._groups, self._progress = (
                self._reader.opened,
                LiveOrder(),
                GroupViews(),
                {},
            )

    def _order(self, tx: Transaction, query: JobQuery, totals: Any, now: str) -> Sequence[int]:
        """Return the row ids of the matching jobs in the requested order."""
        if query.is_plain:
            return self._live.read(tx, totals)
        if query.sort == "live" and query.jobs.is_empty:
            return self._live.read(tx, totals)[::-1]
        values: dict[str, Any] = query.jobs.values()
        text, with_value = tx.row("jobs.order_matching", sort=query.sort, now=now, **values)
        order = array("q", map(int, text.split(",")) if text else ())
        if (query.sort in _LARGEST_FIRST) != query.is_reversed:
            return order[:with_value][::-1] + order[with_value:]
        return order

    def rows(self, row_ids: Sequence[int], snapshot: QueueSnapshot) -> dict[int, JobView]:
        """Return the jobs with these row ids, without those that were pruned meanwhile."""
        if not row_ids or not exists(self._workspace):
            return {}
        with self._reader.snapshot() as tx:
            found = [records.job(r) for r in tx.rows("jobs.window", seqs=json.dumps(list(row_ids)))]
            capacity = free_capacity(snapshot.daemon, tx)
            parents = {job.seq: parents_of(tx, job) for job in found if job.blockers}
        now = clock.now()
        groups = {group.group_id: group for group in snapshot.groups}
        shown = {}
        for job in found:
            group = groups.get(job.group_id or "")
            reason = self._waiting(job, snapshot.daemon, capacity, group, parents.get(job.seq, ()))
            shown[job.seq] = job_view(job, now, reason)
        return shown

    def outlook(self, snapshot: QueueSnapshot) -> Outlook:
        """Return when runs and groups will be done. This takes a second for thousands of runs."""
        from runforge.views.estimates import outlook  # the first paint does not wait for it

        with self._reader.snapshot() as tx:
            capacity = free_capacity(snapshot.daemon, tx)
            return outlook(tx, self._workspace, capacity, snapshot.daemon.max_parallel)

    def progress(self, group: GroupView) -> GroupProgress:
        """Return the progress of a group; read again only after another of its runs has succeeded."""
        known = self._progress.get(group.group_id)
        if known is not None and known[0] == group.succeeded:
            return known[1]
        with self._reader.snapshot() as tx:
            row = tx.row("groups.best_and_pace", group_id=group.group_id, objective=group.objective_metric)
            metric = row["metric_name"]
            direction = ranking(group.objective_metric, group.direction or "", metric).direction
            side = "lowest" if direction == MINIMIZE else "highest"
            best = None if direction is None else row[side]
            of_run = (
                tx.rows(f"groups.{side}", group_id=group.group_id, metric=metric) if best is not None else []
            )
        progress = GroupProgress(metric, best, row["seconds"], of_run[0]["seq"] if of_run else None)
        self._progress[group.group_id] = (group.succeeded, progress)
        return progress

    def _waiting(
        self,
        job: Job,
        daemon: DaemonStatus,
        capacity: Capacity,
        group: GroupView | None,
        parents: Sequence[Relative],
    ) -> Waiting | None:
        if job.state is not State.QUEUED:
            return why_running(self._workspace, job)
        return why_waiting(
            daemon,
            capacity,
            job,
            is_paused=group is not None and group.paused,
            is_at_limit=group is not None and is_at_limit(group),
            parents=parents,
            pause_reason=group.pause_reason if group is not None else None,
        )


def _empty(workspace: Workspace, query: JobQuery) -> QueueSnapshot:
    from runforge.views.glance import queue_summary  # most workspaces have a journal

    summary = queue_summary(workspace)
    return QueueSnapshot(
        query=query,
        daemon=summary.daemon,
        counts=summary.counts,
        slots_used=0,
        gpu_slots_used=0,
        groups=[],
        running=[],
        order=array("q"),
        has_journal=False,
    )
