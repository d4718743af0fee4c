"""Slots: which are free, and which device each GPU slot stands for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from runforge.core.scheduling import Capacity
from runforge.machine.gpus import Gpu


@dataclass(slots=True)
class Slots:
    """The slots of one daemon; what is in use stands in the journal."""

    max_parallel: int
    gpu_slots: int
    gpus: Sequence[Gpu] = ()
    used: set[tuple[str, int]] = field(default_factory=set)

    def load(self, rows: Iterable[Any]) -> None:
        """Take over what the journal says is in use."""
        self.used = {(row["kind"], row["slot_no"]) for row in rows}

    def _count(self, kind: str) -> int:
        return sum(1 for used_kind, _ in self.used if used_kind == kind)

    @property
    def capacity(self) -> Capacity:
        """How much is free. Below zero never: runs adopted from a larger daemon are kept."""
        return Capacity(
            max(0, self.max_parallel - self._count("cpu")),
            max(0, self.gpu_slots - self._count("gpu")),
        )

    def first_free(self, kind: str) -> int:
        """Return the lowest free number of a kind."""
        number = 0
        while (kind, number) in self.used:
            number += 1
        return number

    def gpu_of(self, slot: int | None) -> Gpu | None:
        """Return the device of a GPU slot; None where the machine has none."""
        if slot is None or not self.gpus:
            return None
        return self.gpus[slot % len(self.gpus)]
