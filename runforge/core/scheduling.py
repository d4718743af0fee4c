"""Which job starts next, and on which devices. Pure: a snapshot in, a decision out; no clock, no journal.

Round-robin over lanes, the one first that started a run longest ago. So no lane starves, however many there
are. Inside a lane: priority, then place, then age. A job whose devices are not free is skipped; others may
start.
"""

from collections.abc import Iterable
from typing import NamedTuple

from runforge.core.resources import Resources


class Head(NamedTuple):
    """The next job of a lane for one need, and when the lane was last served."""

    lane_id: int
    last_served: int
    needs: Resources
    job_id: str
    priority: int
    place: float
    seq: int


class Device(NamedTuple):
    """A device, and how many runs use it already."""

    uuid: str
    memory_mb: int
    in_use: int = 0


class Capacity(NamedTuple):
    """What is free: slots, GPU slots and their devices.

    On a machine without devices a GPU slot is still a slot; the run then uses the CPU.
    """

    slots: int
    gpu_slots: int
    devices: tuple[Device, ...] | None = None


def choose(heads: Iterable[Head], capacity: Capacity) -> Head | None:
    """Return what to start next, or None if nothing can start.

    For each need, the job of the lane whose turn it is is enough: the first lane that can start something is
    first for each of its needs.
    """
    able = [head for head in heads if place(head.needs, capacity) is not None]
    return min(able, key=_turn, default=None)


def _turn(head: Head) -> tuple[int, int, int, float, int]:
    return head.last_served, head.lane_id, -head.priority, head.place, head.seq


def place(needs: Resources, capacity: Capacity) -> tuple[Device | None, ...] | None:
    """Return the devices that a run gets, those with the fewest runs first; None if it cannot start now.

    One for each GPU that it needs: all different, or all None if the machine has no known devices.
    """
    if capacity.slots < 1 or capacity.gpu_slots < needs.gpus:
        return None
    if capacity.devices is None:
        return (None,) * needs.gpus
    able = [device for device in capacity.devices if device.memory_mb >= needs.vram_mb]
    if len(able) < needs.gpus:
        return None
    return tuple(sorted(able, key=lambda device: device.in_use)[: needs.gpus])


def waiting_reason(*, daemon_live: bool, is_paused: bool, needs: Resources, capacity: Capacity) -> str:
    """Return why a queued job is not running."""
    if is_paused:
        return "group_paused"
    if not daemon_live:
        return "no_daemon"
    if capacity.slots < 1:
        return "no_free_slot"
    if place(needs, capacity) is None:
        return "no_gpu_slot"
    return "turn_of_others"
