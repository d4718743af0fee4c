"""The door through which commands and screens read the queue: small snapshots, plain records.

Stays light: nothing here imports more than the journal needs.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple

from runforge import clock, disk_room, liveness, resolve
from runforge.durable import read_bounded
from runforge.model import Attempt, DaemonRow, Group, Job
from runforge.scheduling import Capacity
from runforge.states import State, group_status
from runforge.store import records
from runforge.store.connection import Transaction, exists, open_snapshot
from runforge.views.words import Waiting, why_running, why_waiting
from runforge.workspace import Workspace

#: A heartbeat older than this is stale (docs/contract.md, section 3).
STALE_SECONDS = 30.0
_NEXT_SHOWN = 5
_GROUPS_SHOWN = 20
_DAEMON_JSON_LIMIT = 64 * 1024


class DaemonStatus(NamedTuple):
    """Whether a daemon lives here and how it is.

    `state` is running, stopping, stopped, died (it said running, and nobody holds its lock) or
    not_responding (it holds its lock and its heartbeat is stale, or the process is stopped).
    """

    state: str
    pid: int | None
    started_at: str | None
    last_heartbeat: str | None
    heartbeat_age: float | None
    max_parallel: int
    gpu_slots: int
    epoch: int
    #: What the disks lack, so that no daemon launches anything.
    shortage: disk_room.Shortage | None = None

    @property
    def is_live(self) -> bool:
        """Whether a daemon holds the lock."""
        return self.state in {"running", "stopping", "not_responding"}

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        shortage = self.shortage._asdict() if self.shortage is not None else None
        return {**self._asdict(), "shortage": shortage}


class JobView(NamedTuple):
    """A job as a person wants to see it."""

    job_id: str
    run_id: str
    group_id: str | None
    state: str
    priority: int
    requires_gpu: bool
    attempt: int
    created_at: str
    started_at: str | None
    finished_at: str | None
    seconds: float | None
    error: str | None
    cause: str | None
    cancel_requested: bool
    dry_run: bool
    metric_name: str | None
    metric_value: float | None
    overrides: dict[str, Any]
    run_dir: str
    waiting: str | None = None
    waiting_text: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return self._asdict()


class GroupView(NamedTuple):
    """A group with its counts and its best run."""

    group_id: str
    name: str
    notes: str | None
    status: str
    paused: bool
    created_at: str
    started_at: str | None
    finished_at: str | None
    total: int
    queued: int
    running: int
    succeeded: int
    failed: int
    canceled: int
    objective_metric: str | None
    direction: str

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return self._asdict()


class AttemptView(NamedTuple):
    """One execution of a run."""

    attempt: int
    started_at: str
    finished_at: str | None
    cause: str | None
    error: str | None
    exit_code: int | None
    signal: int | None
    gpu_uuid: str | None

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return self._asdict()


class RunView(NamedTuple):
    """Everything about one run."""

    job: JobView
    attempts: list[AttemptView]
    timeline: list[dict[str, Any]]
    folder: Path

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return {
            "job": self.job.to_json(),
            "attempts": [attempt.to_json() for attempt in self.attempts],
            "timeline": self.timeline,
            "folder": str(self.folder),
        }


class QueueSummary(NamedTuple):
    """The queue at a glance."""

    daemon: DaemonStatus
    counts: dict[str, int]
    slots_used: int
    gpu_slots_used: int
    last_served_group: str | None
    #: Some of those that are open (queued or running) and the newest of those that are over, in order of age.
    groups: list[GroupView]
    groups_open: int
    groups_total: int
    running: list[JobView]
    next: list[JobView]
    #: Read without a right to write: what was committed last may be missing.
    is_snapshot: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        parts = {
            name: [part.to_json() for part in getattr(self, name)] for name in ("groups", "running", "next")
        }
        return {**self._asdict(), "daemon": self.daemon.to_json(), **parts}


_NO_JOURNAL = DaemonRow(
    epoch=0,
    pid=None,
    start_ticks=None,
    boot_id=None,
    started_at=None,
    max_parallel=2,
    gpu_slots=1,
    state="stopped",
    wanted="run",
    drain_until=None,
    last_served_group=None,
)


def daemon_status(workspace: Workspace) -> DaemonStatus:
    """Return how the workspace's daemon is."""
    if not exists(workspace):
        return status_of(workspace, _NO_JOURNAL)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return status_of(workspace, records.daemon(tx.row("journal.daemon")))


def status_of(workspace: Workspace, row: DaemonRow) -> DaemonStatus:
    """Return how the daemon is, by its row, its lock and its heartbeat."""
    holder = liveness.holder(workspace)
    heartbeat = _heartbeat(workspace)
    age = clock.seconds_between(heartbeat, clock.now()) if heartbeat else None
    is_silent = (age or 0.0) > STALE_SECONDS
    lacking = disk_room.shortage(workspace, is_suspicious=is_silent and holder is not None)
    state = row.state
    if holder is None:
        state = "stopped" if row.state == "stopped" else "died"
    elif (is_silent and lacking is None) or liveness.process_state(holder.pid) == "T":
        state = "not_responding"
    elif row.state == "stopped":
        state = "running"  # it holds the lock and has not written its row yet
    pid = holder.pid if holder else row.pid
    return DaemonStatus(
        state, pid, row.started_at, heartbeat, age, row.max_parallel, row.gpu_slots, row.epoch, lacking
    )


def _heartbeat(workspace: Workspace) -> str | None:
    try:
        beat = json.loads(read_bounded(workspace.daemon_json, _DAEMON_JSON_LIMIT))["last_heartbeat"]
        clock.to_datetime(beat)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return str(beat)


def job_view(job: Job, now: str, waiting: Waiting | None = None) -> JobView:
    """Return a job as shown at a moment."""
    reason, text = waiting or (None, None)
    end = job.finished_at or (now if job.state is State.RUNNING else None)
    seconds = clock.seconds_between(job.started_at, end) if job.started_at and end else None
    return JobView(
        job.job_id,
        job.run_id,
        job.group_id,
        job.state.value,
        job.priority,
        job.requires_gpu,
        job.attempt,
        job.created_at,
        job.started_at,
        job.finished_at,
        seconds,
        job.error,
        job.cause,
        job.cancel_requested,
        job.dry_run_seconds is not None,
        job.metric_name,
        job.metric_value,
        json.loads(job.overrides),
        job.run_dir,
        reason,
        text,
    )


def group_view(group: Group) -> GroupView:
    """Return a group as shown."""
    status = group_status(
        queued=group.queued,
        running=group.running,
        failed=group.failed,
        canceled=group.canceled,
        is_canceled=group.is_canceled,
    )
    return GroupView(
        group.group_id,
        group.name,
        group.notes,
        status,
        group.is_paused,
        group.created_at,
        group.started_at,
        group.finished_at,
        group.total,
        group.queued,
        group.running,
        group.succeeded,
        group.failed,
        group.canceled,
        group.objective_metric,
        group.direction,
    )


def groups(workspace: Workspace) -> list[GroupView]:
    """Return every group, oldest first."""
    if not exists(workspace):
        return []
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return [group_view(records.group(row)) for row in tx.rows("groups.all")]


def jobs(
    workspace: Workspace,
    *,
    group_id: str | None = None,
    state: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[JobView]:
    """Return jobs in order of creation, of one group or state if asked."""
    if not exists(workspace):
        return []
    page = {"limit": -1 if limit is None else limit, "offset": offset}
    now = clock.now()
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return [job_view(records.job(row), now) for row in _page(tx, group_id, state, page)]


def _page(tx: Transaction, group_id: str | None, state: str | None, page: dict[str, int]) -> list[Any]:
    if group_id is None:
        if state is None:
            return tx.rows("jobs.page", **page)
        return tx.rows("jobs.in_state", state=state, **page)
    if state is None:
        return tx.rows("jobs.page_of_group", group_id=group_id, **page)
    return tx.rows("jobs.page_of_group_in_state", group_id=group_id, state=state, **page)


def run(workspace: Workspace, name: str) -> RunView:
    """Return one run with its attempts and its timeline."""
    with open_snapshot(workspace) as journal, journal.read() as tx:
        job = resolve.job(tx, name)
        attempts = [records.attempt(r) for r in tx.rows("attempts.of_job", job_id=job.job_id)]
        entries = tx.rows("journal.entries_of_job", job_id=job.job_id)
        reason = _reason_of(tx, workspace, job)
    timeline = [{**dict(e), "detail": json.loads(e["detail"])} for e in entries]
    shown = [_attempt_view(attempt) for attempt in attempts]
    view = job_view(job, clock.now(), reason)
    return RunView(view, shown, timeline, workspace.root / job.run_dir)


def _attempt_view(a: Attempt) -> AttemptView:
    return AttemptView(
        a.attempt, a.started_at, a.finished_at, a.cause, a.error, a.exit_code, a.signal, a.gpu_uuid
    )


def _reason_of(tx: Transaction, workspace: Workspace, job: Job) -> Waiting | None:
    if job.state is not State.QUEUED:
        return why_running(workspace, job)
    row = records.daemon(tx.row("journal.daemon"))
    paused = bool(tx.row("groups.is_paused", lane_id=job.lane_id)[0])
    return why_waiting(
        status_of(workspace, row), _capacity(tx, row), is_paused=paused, requires_gpu=job.requires_gpu
    )


def _capacity(tx: Transaction, row: DaemonRow) -> Capacity:
    kinds = [slot["kind"] for slot in tx.rows("attempts.slots")]
    return Capacity(max(0, row.max_parallel - kinds.count("cpu")), max(0, row.gpu_slots - kinds.count("gpu")))


def queue_summary(workspace: Workspace) -> QueueSummary:
    """Return the queue at a glance, in one snapshot."""
    if not exists(workspace):
        return _empty_summary(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        row = records.daemon(tx.row("journal.daemon"))
        status = status_of(workspace, row)
        totals = tx.row("jobs.totals")
        capacity = _capacity(tx, row)
        kinds = [slot["kind"] for slot in tx.rows("attempts.slots")]
        many = tx.row("groups.counts")
        now = clock.now()
        running = [records.job(r) for r in tx.rows("jobs.running")]
        return QueueSummary(
            daemon=status,
            counts={state.value: totals[state.value] or 0 for state in State},
            slots_used=kinds.count("cpu"),
            gpu_slots_used=kinds.count("gpu"),
            last_served_group=row.last_served_group,
            groups=[group_view(records.group(r)) for r in tx.rows("groups.at_a_glance", limit=_GROUPS_SHOWN)],
            groups_open=many["open"],
            groups_total=many["total"],
            running=[job_view(j, now, why_running(workspace, j)) for j in running],
            next=_next(tx, status, capacity, now),
            is_snapshot=journal.is_snapshot,
        )


def _empty_summary(workspace: Workspace) -> QueueSummary:
    nothing = dict.fromkeys(map(str, State), 0)
    return QueueSummary(status_of(workspace, _NO_JOURNAL), nothing, 0, 0, None, [], 0, 0, [], [])


def _next(tx: Transaction, status: DaemonStatus, capacity: Capacity, now: str) -> list[JobView]:
    """Return the first waiting job of each lane, in the lanes' order, with why it waits."""
    shown = []
    for lane in tx.rows("groups.lanes_waiting", limit=_NEXT_SHOWN):
        for row in tx.rows("jobs.next_waiting", lane_id=lane["lane_id"], limit=1):
            job = records.job(row)
            is_paused = bool(lane["is_paused"])
            reason = why_waiting(status, capacity, is_paused=is_paused, requires_gpu=job.requires_gpu)
            shown.append(job_view(job, now, reason))
    return shown
