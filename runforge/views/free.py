"""What is free of the machine and of a daemon's slots and devices."""

from __future__ import annotations

from runforge.core.devices import NO_LIMIT, Device, Reservation, with_runs
from runforge.core.resources import from_json
from runforge.core.scheduling import Capacity
from runforge.machine import size
from runforge.views.daemon_told import gpus as gpus_told

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from runforge.place import Place
    from runforge.store.transaction import Transaction
    from runforge.views.daemon_status import DaemonStatus
    from runforge.workspace import Workspace

#: What a device in daemon.json has that a `Device` has too.
_NUMBERS = ("memory_mb", "usable_mb", "foreign_mb", "used_mb", "is_known", "is_held")


def devices_told(workspace: Workspace | Place) -> tuple[Device, ...]:
    """Return them as devices, with nothing running on them."""
    return tuple(_device(gpu, ()) for gpu in gpus_told(workspace))


def free_capacity(daemon: DaemonStatus, tx: Transaction) -> Capacity:
    """Return what is free: the daemon's slots, its devices as it has told them, processors and memory."""
    grants, asked = tx.rows("attempts.grants"), tx.rows("attempts.asked")
    is_here = daemon.backend == "local"  # a cluster counts for itself
    cpus = size.cpus() - sum(row["cpus"] for row in asked if row["cpus"] > 1)
    mem_mb = size.mem_mb() - sum(row["mem_mb"] for row in asked)
    has_devices = bool(daemon.gpus)
    gpu_slots = NO_LIMIT if daemon.gpu_auto and has_devices else max(0, daemon.gpu_slots - len(grants))
    return Capacity(
        max(0, daemon.max_parallel - len(tx.rows("attempts.slots"))),
        gpu_slots,
        tuple(_device(gpu, grants) for gpu in daemon.gpus if not gpu.get("is_quarantined"))
        if has_devices
        else None,
        max(0, cpus) if is_here else None,
        max(0, mem_mb) if size.mem_mb() and is_here else None,
        not daemon.gpu_auto and daemon.gpu_slots > len(daemon.gpus),
        _reservation(daemon.gpus_reserved),
    )


def _device(told: dict[str, Any], grants: Sequence[Any]) -> Device:
    numbers = {name: value for name in _NUMBERS if isinstance(value := told.get(name), int)}
    device = Device(**{"uuid": told["uuid"], "memory_mb": 0, **numbers})
    return with_runs(
        device, [(row["job_id"], row["share_mb"]) for row in grants if row["device"] == device.uuid]
    )


def _reservation(told: dict[str, Any] | None) -> Reservation | None:
    if told is None:
        return None
    try:
        return Reservation(from_json(told["needs"]), frozenset(told["devices"]), str(told["job_id"]))
    except (ValueError, LookupError, TypeError):
        return None
