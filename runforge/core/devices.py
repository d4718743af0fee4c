"""Which devices a run gets: whole ones, or a part of their memory. Pure: no clock, no driver, no journal.

A run that names no memory has its devices whole. One that names it shares them with others that do. What
cannot be seen is not free.
"""

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from runforge.core.resources import Resources

#: So much memory of others does not keep a run from having a device whole: a display, a monitor.
LITTLE_MB = 300
#: So much of a device is never leased: its driver and contexts need it.
KEPT_FREE_MB = 512
#: For so long the highest foreign use counts, in seconds.
PEAK_SECONDS = 600.0


class Seen(NamedTuple):
    """What NVML says of one device's memory now, in MB."""

    uuid: str
    total_mb: int
    used_mb: int
    #: What runs of this daemon use.
    ours_mb: int = 0
    #: What everybody else uses.
    foreign_mb: int = 0
    #: Whether all of it is accounted for.
    is_known: bool = True
    owners: Sequence[object] = ()


class Device(NamedTuple):
    """A device, and what is taken of it."""

    uuid: str
    #: 0 if it is not reported.
    memory_mb: int
    #: How many runs have it, or a part of it.
    in_use: int = 0
    #: What those that share it were given, or use.
    leased_mb: int = 0
    #: A run has it whole.
    is_whole: bool = False
    #: The highest use by others in the last minutes.
    foreign_mb: int = 0
    used_mb: int = 0
    is_known: bool = True

    @property
    def room_mb(self) -> int:
        """What of it can still be leased."""
        if self.is_whole or not self.is_known or not self.memory_mb:
            return 0
        return max(0, self.memory_mb - KEPT_FREE_MB - self.foreign_mb - self.leased_mb)


class Reservation(NamedTuple):
    """What is kept for a run that has waited long: its devices, and its share of the GPU slots."""

    needs: Resources
    devices: frozenset[str] = frozenset()
    #: The run that it is for.
    job_id: str = ""


def can_share(device: Device, vram_mb: int) -> bool:
    """Return whether so much of the device's memory is left."""
    return vram_mb > 0 and device.room_mb >= vram_mb


def can_own(device: Device, vram_mb: int = 0) -> bool:
    """Return whether a run can have the device whole: nobody else is on it, as far as can be seen."""
    is_empty = device.in_use == 0 and device.foreign_mb <= LITTLE_MB
    is_sure = device.is_known or device.used_mb <= LITTLE_MB
    return is_empty and is_sure and _is_large_enough(device, vram_mb)


def _is_large_enough(device: Device, vram_mb: int) -> bool:
    return not vram_mb or not device.memory_mb or device.memory_mb >= vram_mb


def pick(
    needs: Resources,
    devices: Iterable[Device],
    *,
    avoid: Collection[str] = (),
    is_crowded: bool = False,
) -> tuple[Device, ...] | None:
    """Return the devices that a run gets; None if there are not enough. All are different.

    Of shared devices it is those with the least room that is enough. Devices to avoid come last. `is_crowded`:
    there are more GPU slots than devices, so runs that name no memory share them too, the least used first.
    """
    able = [device for device in pinned(needs, devices) if _fits(needs, device, is_crowded=is_crowded)]
    if len(able) < needs.gpus:
        return None

    def order(device: Device) -> tuple[bool, bool, int]:
        is_shared = can_share(device, needs.vram_mb)
        return device.uuid in avoid, not is_shared, device.room_mb if is_shared else device.in_use

    return tuple(sorted(able, key=order)[: needs.gpus])


def pinned(needs: Resources, devices: Iterable[Device]) -> list[Device]:
    """Return the devices that a run may have."""
    wanted = needs.pinned
    return [device for device in devices if not wanted or device.uuid in wanted]


def _fits(needs: Resources, device: Device, *, is_crowded: bool) -> bool:
    if can_share(device, needs.vram_mb) or can_own(device, needs.vram_mb):
        return True
    is_free = device.foreign_mb <= LITTLE_MB and (device.is_known or device.used_mb <= LITTLE_MB)
    return is_crowded and not needs.vram_mb and is_free


def lease_mb(needs: Resources, device: Device, *, is_crowded: bool = False) -> int | None:
    """Return what a run gets of a device that was picked for it: MB, 0 for a part that nobody measures, None for all."""
    if can_share(device, needs.vram_mb):
        return needs.vram_mb
    return 0 if is_crowded and not needs.vram_mb else None


def reserve(needs: Resources, devices: Iterable[Device], before: Collection[str] = ()) -> frozenset[str]:
    """Return the devices to keep for a run until enough of them are free; none if there will never be enough.

    Those that were kept for it before come first, then those with the fewest runs.
    """
    able = [device for device in pinned(needs, devices) if _will_fit(needs, device)]
    if len(able) < needs.gpus:
        return frozenset()
    able.sort(key=lambda device: (device.uuid not in before, device.in_use, device.leased_mb))
    return frozenset(device.uuid for device in able[: needs.gpus])


def _will_fit(needs: Resources, device: Device) -> bool:
    """Return whether a run fits once our own runs have left the device."""
    empty = device._replace(in_use=0, leased_mb=0, is_whole=False)
    if needs.vram_mb and can_share(empty, needs.vram_mb):
        return True
    return can_own(empty._replace(used_mb=0 if device.in_use else device.used_mb), needs.vram_mb)


def why_not(
    needs: Resources,
    devices: Collection[Device],
    reservation: Reservation | None = None,
    *,
    is_crowded: bool = False,
) -> str:
    """Return why a run gets no devices now: reserved, foreign, memory or gpus_busy."""
    if reservation is not None and pick(needs, devices, is_crowded=is_crowded) is not None:
        return "reserved"
    alone = [device._replace(foreign_mb=0, used_mb=0, is_known=True) for device in devices]
    if pick(needs, alone, is_crowded=is_crowded) is not None:
        return "foreign"
    return "memory" if needs.vram_mb else "gpus_busy"


class Peaks:
    """The highest foreign use of each device in the last minutes: what has just gone may come back."""

    def __init__(self) -> None:
        self._seen: dict[str, deque[tuple[float, int]]] = {}

    def note(self, uuid: str, now: float, foreign_mb: int) -> None:
        """Take one reading; `now` is in seconds and only grows."""
        kept = self._seen.setdefault(uuid, deque())
        while kept and kept[-1][1] <= foreign_mb:
            kept.pop()
        kept.append((now, foreign_mb))

    def of(self, uuid: str, now: float) -> int:
        """Return the highest reading of the last ten minutes. The newest one counts however old it is."""
        kept = self._seen.get(uuid)
        if not kept:
            return 0
        while len(kept) > 1 and now - kept[0][0] > PEAK_SECONDS:
            kept.popleft()
        return kept[0][1]


def counted_mb(share_mb: int | None, job_id: str, seen: Mapping[str, int]) -> int:
    """Return what a lease counts: what was asked for or what is seen of it, whichever is more."""
    return max(share_mb or 0, seen.get(job_id, 0))
