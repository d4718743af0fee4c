"""Whether a daemon is running in a workspace, and its state."""

from __future__ import annotations

from runforge import clock
from runforge.core.daemon_row import DaemonRow
from runforge.machine import disk_space
from runforge.named import NamedTuple
from runforge.store import daemon_holder
from runforge.views.daemon_told import is_live, read

TYPE_CHECKING = False  # `queue-status` is called all day
if TYPE_CHECKING:
    from typing import Any

    from runforge.place import Place
    from runforge.store.transaction import Transaction
    from runforge.workspace import Workspace

#: A heartbeat older than this is stale (docs/contract.md, section 3).
STALE_SECONDS = 30.0


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
    #: What the disks lack, or what is wrong with Slurm; while it is set, no daemon launches anything.
    shortage: disk_space.Shortage | None = None
    #: Why the daemon can give no run a GPU, though there should be some.
    gpu_problem: str | None = None
    #: There is a GPU slot for each device.
    gpu_auto: bool = False
    #: Which devices it was restricted to.
    gpu_choice: str | None = None
    #: The devices that it gives out, as it has told them.
    gpus: tuple[dict[str, Any], ...] = ()
    #: The job that has waited long, and the devices that are kept for it.
    gpus_reserved: dict[str, Any] | None = None
    #: Where it launches: local, slurm.
    backend: str = "local"
    #: What it tells of the cluster although it launches.
    backend_note: str | None = None

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
    gpu_auto=1,
)


def daemon_status(workspace: Workspace) -> DaemonStatus:
    """Return the state of the workspace's daemon."""
    from runforge.store import records
    from runforge.store.opening import exists, open_snapshot

    if not exists(workspace):
        return status_of(workspace, NO_JOURNAL)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return status_of(workspace, records.daemon(tx.row("journal.daemon")))


def status_of(workspace: Workspace | Place, row: DaemonRow) -> DaemonStatus:
    """Return the daemon's state, from its row, its lock and its heartbeat."""
    holder = daemon_holder.holder(workspace)
    told = read(workspace)
    heartbeat = told.heartbeat
    age = clock.seconds_between(heartbeat, clock.now()) if heartbeat else None
    is_silent = (age or 0.0) > STALE_SECONDS
    lacking = disk_space.shortage(workspace, is_suspicious=is_silent and holder is not None)
    if lacking is None and holder is not None and told.trouble is not None:
        lacking = disk_space.Shortage("slurm", told.trouble)
    state = row.state
    if holder is None:
        state = "stopped" if row.state == "stopped" else "died"
    elif (is_silent and (lacking is None or told.trouble is not None)) or daemon_holder.process_state(
        holder.pid
    ) == "T":
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
        gpu_problem=told.problem if holder is not None else None,
        gpu_auto=bool(row.gpu_auto),
        gpu_choice=row.devices,
        gpus=told.gpus if holder is not None else (),
        gpus_reserved=told.reserved if holder is not None else None,
        backend=row.backend,
        backend_note=told.note if holder is not None else None,
    )


def gpu_problem(workspace: Workspace) -> str | None:
    """Return what a live daemon says is wrong with the GPUs, without a look at the journal."""
    return read(workspace).problem if is_live(workspace) else None


def is_in_cluster(workspace: Workspace) -> bool:
    """Return whether runs go to a cluster: as the live daemon says, or without one as is configured."""
    if is_live(workspace):
        return read(workspace).backend != "local"
    from runforge import config  # few calls get here

    return bool(config.load(workspace)["daemon.backend"] != "local")


def slots_used(tx: Transaction, daemon: DaemonRow | DaemonStatus) -> tuple[int, int]:
    """Return how many slots and GPU slots are in use; with a slot for each device, how many devices."""
    grants = tx.rows("attempts.grants")
    has_devices = daemon.gpu_auto and any(row["device"] is not None for row in grants)
    used = len({row["device"] for row in grants}) if has_devices else len(grants)
    return len(tx.rows("attempts.slots")), used
