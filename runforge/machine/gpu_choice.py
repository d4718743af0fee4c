"""The devices that `daemon --devices` names, out of those that are the daemon's own."""

from __future__ import annotations

from collections.abc import Callable, Collection

from runforge.machine.gpu_look import Looker
from runforge.machine.gpu_share import ORDER, VISIBLE, share
from runforge.machine.gpu_xid import Xids
from runforge.machine.gpus import Gpus

_OPTION = "--devices"


def look_for(devices: str | None, queue: str) -> Callable[[Collection[str]], Gpus]:
    """Return how a GpuWatch looks for the devices; None are all that are the daemon's own."""
    look = Looker(queue, Xids()).look
    return look if devices is None else lambda tokens: restricted(look(tokens), devices)


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
