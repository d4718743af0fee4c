"""Whether a daemon is running in a workspace, and its state."""

import json
from typing import Any, NamedTuple

from runforge import clock
from runforge.core.records import DaemonRow
from runforge.core.scheduling import Capacity
from runforge.files.durable import read_bounded
from runforge.machine import disk_space, size
from runforge.store import daemon_holder, records
from runforge.store.journal import Transaction
from runforge.store.opening import exists, open_snapshot
from runforge.workspace import Workspace

#: A heartbeat older than this is stale (docs/contract.md, section 3).
STALE_SECONDS = 30.0


_DAEMON_JSON_LIMIT = 64 * 1024


class DaemonStatus(NamedTuple):
    """Whether a daemon is running here, and its state.

    `state` is running, stopping, stopped, died (it said running, but nobody holds its lock) or not_responding
    (it holds its lock, but its heartbeat is old or the process is stopped).
    """

    state: str
    pid: int | None
    started_at: str | None
    last_heartbeat: str | None
    heartbeat_age: float | None
    max_parallel: int
    gpu_slots: int
    epoch: int
    #: What the disks lack; while it is set, no daemon launches anything.
    shortage: disk_space.Shortage | None = None
    #: Why the daemon can give no run a GPU, though there should be some.
    gpu_problem: str | None = None

    @property
    def is_live(self) -> bool:
        """Whether a daemon holds the lock."""
        return self.state in {"running", "stopping", "not_responding"}

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        shortage = self.shortage._asdict() if self.shortage is not None else None
        return {**self._asdict(), "shortage": shortage}


NO_JOURNAL = DaemonRow(
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
    """Return the state of the workspace's daemon."""
    if not exists(workspace):
        return status_of(workspace, NO_JOURNAL)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return status_of(workspace, records.daemon(tx.row("journal.daemon")))


def is_live(workspace: Workspace) -> bool:
    """Return whether a daemon holds the lock, without reading the journal."""
    return daemon_holder.holder(workspace) is not None


def status_of(workspace: Workspace, row: DaemonRow) -> DaemonStatus:
    """Return the daemon's state, from its row, its lock and its heartbeat."""
    holder = daemon_holder.holder(workspace)
    heartbeat, gpus = _told(workspace)
    age = clock.seconds_between(heartbeat, clock.now()) if heartbeat else None
    is_silent = (age or 0.0) > STALE_SECONDS
    lacking = disk_space.shortage(workspace, is_suspicious=is_silent and holder is not None)
    state = row.state
    if holder is None:
        state = "stopped" if row.state == "stopped" else "died"
    elif (is_silent and lacking is None) or daemon_holder.process_state(holder.pid) == "T":
        state = "not_responding"
    elif row.state == "stopped":
        state = "running"  # it holds the lock but has not written its row yet
    pid = holder.pid if holder else row.pid
    return DaemonStatus(
        state=state,
        pid=pid,
        started_at=row.started_at,
        last_heartbeat=heartbeat,
        heartbeat_age=age,
        max_parallel=row.max_parallel,
        gpu_slots=row.gpu_slots,
        epoch=row.epoch,
        shortage=lacking,
        gpu_problem=gpus if holder is not None else None,
    )


def gpu_problem(workspace: Workspace) -> str | None:
    """Return what a live daemon says is wrong with the GPUs, without a look at the journal."""
    return _told(workspace)[1] if is_live(workspace) else None


def _told(workspace: Workspace) -> tuple[str | None, str | None]:
    """Return the heartbeat and what is wrong with the GPUs, as the daemon itself has written them."""
    try:
        told = json.loads(read_bounded(workspace.daemon_json, _DAEMON_JSON_LIMIT))
        beat, problem = told["last_heartbeat"], told.get("gpu_problem")
        clock.to_datetime(beat)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None, None
    return str(beat), None if problem is None else str(problem)


def slots_used(tx: Transaction) -> tuple[int, int]:
    """Return how many slots and GPU slots are in use."""
    return len(tx.rows("attempts.slots")), len(tx.rows("attempts.grants"))


def free_capacity(daemon: DaemonRow | DaemonStatus, used: tuple[int, int]) -> Capacity:
    """Return how many of the daemon's slots are free; which devices it has, no other process knows."""
    return Capacity(max(0, daemon.max_parallel - used[0]), max(0, daemon.gpu_slots - used[1]))


def with_room(capacity: Capacity, tx: Transaction) -> Capacity:
    """Return the capacity with the processors and the memory that are left for runs that ask for them."""
    asked = tx.rows("attempts.asked")
    cpus = size.cpus() - sum(row["cpus"] for row in asked if row["cpus"] > 1)
    mem_mb = size.mem_mb() - sum(row["mem_mb"] for row in asked)
    return capacity._replace(cpus=max(0, cpus), mem_mb=max(0, mem_mb) if size.mem_mb() else None)
