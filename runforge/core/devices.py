"""Which devices a run gets: whole ones, or a part of their memory. Pure: no clock, no driver, no journal.

A run that names no memory has its devices whole. One that names it shares them with others that do. What
cannot be seen is not free.
"""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from runforge.core.resources import Resources

#: So many GPU slots there are where the devices alone limit how many runs have one.
NO_LIMIT = 1 << 20
#: So much memory of others does not keep a run from having a device whole: a display, a monitor.
LITTLE_MB = 300
#: So much of a device is never leased: its driver and contexts need it.
KEPT_FREE_MB = 512


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
    #: Another queue has said that it uses it whole.
    is_held: bool = False
    #: What of its memory can be allocated: less than all of it where the driver keeps a part. 0: all of it.
    usable_mb: int = 0
    #: Somebody has it whole because of the memory that was asked for.
    is_promised: bool = False

    @property
    def is_free_of_others(self) -> bool:
        """Whether nobody but this queue is on it, as far as can be seen."""
        is_sure = self.is_known or self.used_mb <= LITTLE_MB
        return is_sure and self.foreign_mb <= LITTLE_MB and not self.is_held

    @property
    def room_mb(self) -> int:
        """What of it can still be leased."""
        if self.is_whole or self.is_held or not self.is_known or not self.memory_mb:
            return 0
        return max(0, (self.usable_mb or self.memory_mb) - KEPT_FREE_MB - self.foreign_mb - self.leased_mb)


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
    return device.in_use == 0 and device.is_free_of_others and _is_large_enough(device, vram_mb)


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
    return is_crowded and not needs.vram_mb and device.is_free_of_others and not device.is_promised


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
    alone = [device._replace(foreign_mb=0, used_mb=0, is_known=True, is_held=False) for device in devices]
    if pick(needs, alone, is_crowded=is_crowded) is not None:
        return "foreign"
    return "memory" if needs.vram_mb else "gpus_busy"


def with_runs(
    device: Device, held: Collection[tuple[str, int | None]], used_by: Mapping[str, int] = {}
) -> Device:
    """Return a device with the runs that have it: job id and share of each, and what is seen of it in use.

    A share counts what was asked for or what is seen, whichever is more: so a run that has just been launched
    counts, and so does one that uses more than it said.
    """
    return device._replace(
        in_use=len(held),
        leased_mb=sum(max(share or 0, used_by.get(job_id, 0)) for job_id, share in held),
        is_whole=any(share is None for _, share in held),
    )
