"""The journal's row of the daemon. Light: `queue-status` is called all day."""

from __future__ import annotations

from runforge.named import NamedTuple


class DaemonRow(NamedTuple):
    """What the journal knows of the newest daemon."""

    epoch: int
    pid: int | None
    start_ticks: int | None
    boot_id: str | None
    started_at: str | None
    max_parallel: int
    gpu_slots: int
    state: str
    wanted: str
    drain_until: str | None
    last_served_group: str | None
    #: 1: there is a GPU slot for each device.
    gpu_auto: int = 0
    #: Which devices it was restricted to, as it was told.
    devices: str | None = None
    #: Where it launches: local, slurm.
    backend: str = "local"
