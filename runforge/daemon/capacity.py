"""The daemon's slots and devices: what is free, and what a run gets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from runforge.core.outcome import DeviceGrant
from runforge.core.scheduling import Capacity, Device, Machine
from runforge.machine.gpus import Gpus


@dataclass(slots=True)
class Slots:
    """The slots and devices of one daemon. The journal says which are in use.

    With at least as many devices as GPU slots, each run has whole devices. With more GPU slots, runs share
    devices, the least used first. On a machine without devices a GPU slot has no device. While devices that
    should be there cannot be used, there is no GPU slot: a run that needs one waits. Processors and memory are
    counted for the runs that asked for them.
    """

    max_parallel: int
    gpu_slots: int
    gpus: Gpus = field(default_factory=Gpus)
    machine: Machine = Machine()  # noqa: RUF009 - immutable
    _taken: set[int] = field(default_factory=set)
    _gpu_taken: set[int] = field(default_factory=set)
    _in_use: Counter[str | None] = field(default_factory=Counter)
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
        self._in_use = Counter(row["device"] for row in granted)

    @property
    def is_shared(self) -> bool:
        """Whether runs share devices: there are more GPU slots than devices, lost ones among them."""
        return self.gpu_slots > self.gpus.total

    @property
    def capacity(self) -> Capacity:
        """How much is free. Never below zero, although runs adopted from a larger daemon are kept."""
        return Capacity(
            max(0, self.max_parallel - len(self._taken)),
            max(0, self.gpu_slots - len(self._gpu_taken)) if self.gpus.problem is None else 0,
            tuple(self._devices()) if self.gpus.total else None,
            _left(self.machine.cpus, self._cpus),
            _left(self.machine.mem_mb, self._mem_mb),
        )

    def _devices(self) -> Iterable[Device]:
        for gpu in self.gpus.usable:
            in_use = self._in_use[gpu.uuid]
            if self.is_shared or in_use == 0:
                yield Device(gpu.uuid, gpu.memory_mb, in_use)

    def first_free(self) -> int:
        """Return the lowest free slot number."""
        return _first_free(self._taken)

    def grants(self, devices: Sequence[Device | None]) -> tuple[DeviceGrant, ...]:
        """Return the grant of each device, on the lowest free GPU slots."""
        taken, made = set(self._gpu_taken), []
        for device in devices:
            slot = _first_free(taken)
            taken.add(slot)
            is_whole = device is None or not self.is_shared
            made.append(DeviceGrant(slot, device.uuid if device is not None else None, is_whole))
        return tuple(made)


def _left(all_of_it: int | None, used: int) -> int | None:
    return None if all_of_it is None else max(0, all_of_it - used)


def _first_free(taken: set[int]) -> int:
    number = 0
    while number in taken:
        number += 1
    return number
