"""The devices that `daemon --devices` names, out of those that are the daemon's own."""

from __future__ import annotations

from typing import Any

from runforge.machine.gpu_share import ORDER, VISIBLE, own_gpus, share
from runforge.machine.gpus import Gpus

_OPTION = "--devices"


def look_for(devices: str | None) -> dict[str, Any]:
    """Return how a GpuWatch looks for the devices; nothing special for all."""
    return {} if devices is None else {"look": lambda: restricted(own_gpus(), devices)}


def restricted(found: Gpus, devices: str) -> Gpus:
    """Return those of the devices that the option leaves."""
    own = share(found, {VISIBLE: devices, ORDER: "PCI_BUS_ID"})
    seen = {each.uuid: each for each in found.seen}
    return own._replace(
        problem=_of_option(own.problem),
        absence=_of_option(own.absence),
        remarks=(
            *found.remarks,
            *(_of_option(remark) or "" for remark in own.remarks if remark not in found.remarks),
        ),
        seen=tuple(seen[gpu.uuid] for gpu in own.usable if gpu.uuid in seen),
    )


def _of_option(text: str | None) -> str | None:
    return None if text is None else text.replace(VISIBLE, _OPTION)
