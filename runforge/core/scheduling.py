"""Which job starts next, and on which devices. Pure: a snapshot in, a decision out; no clock, no journal.

Round-robin over lanes, the one first that started a run longest ago. So no lane starves, however many there
are. Inside a lane: priority, then place, then age. A job whose devices are not free is skipped; others may
start.
"""

from __future__ import annotations

from runforge.later import module
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from runforge.core import devices as placing
    from runforge.core.devices import Device, Reservation
    from runforge.core.resources import Resources
else:
    placing = module("runforge.core.devices")  # few runs need a device

__all__ = [
    "Capacity",
    "Head",
    "Machine",
    "can_ever",
    "choose",
    "lacking",
    "place",
    "why_never",
]


class Head(NamedTuple):
    """The next job of a lane for one need, and when the lane was last served."""

    lane_id: int
    last_served: int
    needs: Resources
    job_id: str
    priority: int
    place: float
    seq: int


class Capacity(NamedTuple):
    """What is free: slots, GPU slots and their devices, processors and memory.

    On a machine without devices a GPU slot is still a slot; the run then uses the CPU. None is not counted.
    """

    slots: int
    gpu_slots: int
    devices: tuple[Device, ...] | None = None
    cpus: int | None = None
    mem_mb: int | None = None
    #: There are more GPU slots than devices: runs share them.
    is_crowded: bool = False
    reservation: Reservation | None = None


class Machine(NamedTuple):
    """The whole machine, with nothing running on it. None is not known."""

    cpus: int | None = None
    mem_mb: int | None = None
    #: The memory of each device in MB.
    devices: tuple[int, ...] | None = None


def counted_cpus(needs: Resources) -> int:
    """Return how many processors a run is counted for. One is what every run has: it is not counted."""
    return needs.cpus if needs.cpus > 1 else 0


def why_never(needs: Resources, machine: Machine) -> str | None:
    """Return why a run can never start on this machine, in words; None if it can."""
    if machine.cpus is not None and counted_cpus(needs) > machine.cpus:
        return f"it asks for {needs.cpus} CPUs, and this machine has {machine.cpus}"
    if machine.mem_mb is not None and needs.mem_mb > machine.mem_mb:
        return f"it asks for {needs.mem_mb} MB of memory, and this machine has {machine.mem_mb} MB"
    if not machine.devices or not needs.gpus:
        return None
    if needs.gpus > len(machine.devices):
        return f"it asks for {needs.gpus} GPUs, and this machine has {len(machine.devices)}"
    able = sum(memory >= needs.vram_mb for memory in machine.devices)
    if able < needs.gpus:
        return f"it asks for {needs.gpus} GPUs with {needs.vram_mb} MB each, and this machine has {able} of these"
    return None


def can_ever(needs: Resources, machine: Machine) -> bool:
    """Return whether a run could start if nothing else ran."""
    return why_never(needs, machine) is None


def choose(heads: Iterable[Head], capacity: Capacity) -> Head | None:
    """Return what to start next, or None if nothing can start.

    For each need, the job of the lane whose turn it is is enough: the first lane that can start something is
    first for each of its needs.
    """
    able = [head for head in heads if place(head.needs, capacity) is not None]
    return min(able, key=_turn, default=None)


def _turn(head: Head) -> tuple[int, int, int, float, int]:
    return head.last_served, head.lane_id, -head.priority, head.place, head.seq


def place(
    needs: Resources, capacity: Capacity, avoid: Collection[str] = ()
) -> tuple[Device | None, ...] | None:
    """Return the devices that a run gets; None if it cannot start now.

    One for each GPU that it needs: all different, or all None if the machine has no known devices. Devices to
    avoid are taken only if there is no other.
    """
    if capacity.slots < 1 or not (_has_cpus(needs, capacity) and _has_memory(needs, capacity)):
        return None
    if not needs.gpus:
        return ()
    kept = _kept_from(needs, capacity)
    slots = capacity.gpu_slots - (kept.needs.gpus if kept is not None else 0)
    if slots < needs.gpus:
        return None
    if capacity.devices is None:
        return (None,) * needs.gpus
    free = [device for device in capacity.devices if kept is None or device.uuid not in kept.devices]
    return placing.pick(needs, free, avoid=avoid, is_crowded=capacity.is_crowded)


def _kept_from(needs: Resources, capacity: Capacity) -> Reservation | None:
    """Return the reservation if it is for other runs."""
    kept = capacity.reservation
    return None if kept is None or kept.needs == needs else kept


def has_all_but_devices(needs: Resources, capacity: Capacity) -> bool:
    """Return whether a run could start now if only its devices were free."""
    has_room = _has_cpus(needs, capacity) and _has_memory(needs, capacity)
    return needs.gpus > 0 and capacity.slots > 0 and has_room


def lacking_devices(needs: Resources, capacity: Capacity) -> str:
    """Return why a run gets no devices now: reserved, foreign, memory or gpus_busy."""
    kept = _kept_from(needs, capacity)
    if capacity.gpu_slots < needs.gpus or capacity.devices is None:
        return "reserved" if kept is not None and capacity.gpu_slots >= needs.gpus else "gpus_busy"
    return placing.why_not(needs, capacity.devices, kept, is_crowded=capacity.is_crowded)


def _has_cpus(needs: Resources, capacity: Capacity) -> bool:
    return capacity.cpus is None or counted_cpus(needs) <= capacity.cpus


def _has_memory(needs: Resources, capacity: Capacity) -> bool:
    return capacity.mem_mb is None or needs.mem_mb <= capacity.mem_mb


def lacking(needs: Resources, capacity: Capacity) -> str | None:
    """Return what the machine has not free now."""
    if capacity.slots < 1:
        return "no_free_slot"
    if not _has_cpus(needs, capacity):
        return "no_cpus"
    if not _has_memory(needs, capacity):
        return "no_memory"
    return "no_gpu_slot" if place(needs, capacity) is None else None
