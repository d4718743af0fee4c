"""What daemon.json says of the devices: others see only there what may be given out, and what is kept for whom."""

from __future__ import annotations

from typing import Any, NamedTuple

from runforge.daemon.claims import Claims


class ToldGpus(NamedTuple):
    """The devices as the daemon gives them out, and the reservation."""

    devices: tuple[dict[str, Any], ...] = ()
    reserved: dict[str, Any] | None = None


def told_gpus(claims: Claims) -> ToldGpus:
    """Return what the daemon knows, without what the journal says too: who has which device."""
    known = {gpu.uuid: gpu for gpu in claims.gpus.usable}
    devices = tuple(
        {
            "index": known[device.uuid].index,
            "uuid": device.uuid,
            "name": known[device.uuid].name,
            "memory_mb": device.memory_mb,
            "usable_mb": device.usable_mb,
            "foreign_mb": device.foreign_mb,
            "used_mb": device.used_mb,
            "is_known": device.is_known,
            "is_held": device.is_held,
            "is_quarantined": device.uuid in claims.quarantined,
        }
        for device in claims.devices
    )
    kept = claims.reservation
    if kept is None:
        return ToldGpus(devices)
    return ToldGpus(
        devices, {"job_id": kept.job_id, "devices": sorted(kept.devices), "needs": kept.needs.to_json()}
    )
