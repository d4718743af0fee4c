"""The daemon's slots and devices: what is free, and what a run gets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runforge.core.devices import LITTLE_MB, NO_LIMIT, Device, Reservation, lease_mb, with_runs
from runforge.core.outcome import DeviceGrant
from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity, Machine
from runforge.machine.gpus import Gpu, Gpus


@dataclass(slots=True)
class Slots:
    """The slots and devices of one daemon. The journal says which are in use.

    Without a number of GPU slots there is one for each device, and the devices say what fits: whole ones, or
    parts of their memory. A number limits how many runs have a GPU at once; if it is larger than the number of
    devices, runs share them, the least used first. On a machine without devices a GPU slot has no device.
    While devices that should be there cannot be used, there is no GPU slot: a run that needs one waits.
    Processors and memory are counted for the runs that asked for them.
    """

    max_parallel: int
    #: None is one for each device.
    gpu_slots: int | None
    gpus: Gpus = field(default_factory=Gpus)
    machine: Machine = Machine()  # noqa: RUF009 - immutable
    #: What each run uses of each device, in MB: UUID, then job id.
    used_by: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    quarantined: frozenset[str] = frozenset()
    reservation: Reservation | None = None
    _taken: set[int] = field(default_factory=set)
    _gpu_taken: set[int] = field(default_factory=set)
    #: UUID -> job id and share of each run that has it.
    _held: dict[str | None, list[tuple[str, int | None]]] = field(default_factory=dict)
    #: Devices that a run has whole because of the memory that it asked for.
    _promised: set[str | None] = field(default_factory=set)
    _cpus: int = 0
    _mem_mb: int = 0

    def load(self, slots: Iterable[Any], grants: Iterable[Any], needs: Iterable[Any] = ()) -> None:
        """Read from the journal what is in use: slots, devices, and what the runs have asked for besides."""
        asked = list(needs)
        self._cpus = sum(row["cpus"] for row in asked if row["cpus"] > 1)
        self._mem_mb = sum(row["mem_mb"] for row in asked)
        granted = list(grants)
        self._taken = {row["slot_no"] for row in slots}
        self._gpu_taken = {row["slot_no"] for row in granted}
        self._promised = {row["device"] for row in granted if row["share_mb"] is None and row["asked_mb"]}
        self._held = defaultdict(list)
        for row in granted:
            self._held[row["device"]].append((row["job_id"], row["share_mb"]))

    def take(self, slot: int, needs: Resources) -> None:
        """Note that a run without devices has a slot now."""
        self._taken.add(slot)
        self._cpus += needs.cpus if needs.cpus > 1 else 0
        self._mem_mb += needs.mem_mb

    @property
    def shown_gpu_slots(self) -> int:
        """How many GPU slots there are, for people: without a GPU there is one, and the run uses the CPU."""
        return (self.gpus.total or 1) if self.gpu_slots is None else self.gpu_slots

    @property
    def is_crowded(self) -> bool:
        """Whether there are more GPU slots than devices, lost ones among them: then runs share devices."""
        return self.gpu_slots is not None and self.gpu_slots > self.gpus.total

    @property
    def capacity(self) -> Capacity:
        """How much is free. Never below zero, although runs adopted from a larger daemon are kept."""
        return Capacity(
            max(0, self.max_parallel - len(self._taken)),
            self._free_gpu_slots(),
            tuple(map(self._device, self._given_out())) if self.gpus.total else None,
            _left(self.machine.cpus, self._cpus),
            _left(self.machine.mem_mb, self._mem_mb),
            self.is_crowded,
            self.reservation,
        )

    @property
    def devices(self) -> list[Device]:
        """All usable devices with what is taken of them, also those that get no new runs."""
        return list(map(self._device, self.gpus.usable))

    def _free_gpu_slots(self) -> int:
        if self.gpus.problem is not None or self.gpus.is_stale:
            return 0
        if self.gpu_slots is None and self.gpus.total:
            return NO_LIMIT
        return max(0, self.shown_gpu_slots - len(self._gpu_taken))

    def _given_out(self) -> list[Gpu]:
        return [gpu for gpu in self.gpus.usable if gpu.uuid not in self.quarantined]

    def _device(self, gpu: Gpu) -> Device:
        device = with_runs(
            Device(gpu.uuid, gpu.memory_mb), self._held.get(gpu.uuid, ()), self.used_by.get(gpu.uuid, {})
        )
        device = device._replace(is_promised=gpu.uuid in self._promised)
        seen = next((each for each in self.gpus.seen if each.uuid == gpu.uuid), None)
        if seen is None:
            return device
        foreign_mb = seen.others_mb(device.leased_mb)
        if not seen.total_mb and seen.foreign:  # how much they use is not told
            foreign_mb = max(foreign_mb, LITTLE_MB + 1)
        return device._replace(
            foreign_mb=foreign_mb,
            used_mb=seen.used_mb,
            is_known=seen.is_known,
            is_held=seen.held_by is not None,
            usable_mb=seen.total_mb,
        )

    def first_free(self) -> int:
        """Return the lowest free slot number."""
        return _first_free(self._taken)

    def grants(self, needs: Resources, devices: Sequence[Device | None]) -> tuple[DeviceGrant, ...]:
        """Return the grant of each device, on the lowest free GPU slots."""
        taken, made = set(self._gpu_taken), []
        for device in devices:
            slot = _first_free(taken)
            taken.add(slot)
            if device is None:
                made.append(DeviceGrant(slot))
                continue
            share = lease_mb(needs, device, is_crowded=self.is_crowded)
            made.append(DeviceGrant(slot, device.uuid, share is None, share or 0, device.memory_mb))
        return tuple(made)


def _left(all_of_it: int | None, used: int) -> int | None:
    return None if all_of_it is None else max(0, all_of_it - used)


def _first_free(taken: set[int]) -> int:
    number = 0
    while number in taken:
        number += 1
    return number
