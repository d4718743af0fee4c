"""What the machine, its GPUs and the runs used in the last ten minutes; what is older leaves.

It is written in a reading thread and read while painting, so it has a lock.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterator, Mapping
from math import nan
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from runforge.machine.load import GpuView, Machine
    from runforge.machine.run_load import RunLoad

SECONDS = 600.0


class History:
    """Values by name and time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._values: dict[str, deque[tuple[float, float]]] = {}
        self._newest = 0.0

    def record(self, machine: Machine, runs: Mapping[str, RunLoad], now: float) -> None:
        """Take note of a look at the machine."""
        with self._lock:
            self._newest = now
            for name, value in _values(machine, runs):
                self._values.setdefault(name, deque()).append((now, value))
            for name in list(self._values):
                values = self._values[name]
                while values and values[0][0] <= now - SECONDS:
                    values.popleft()
                if not values:
                    del self._values[name]

    def columns(self, name: str, width: int) -> list[float]:
        """Return the ten minutes in so many parts, each with the mean of its values; NaN for a part without any."""
        with self._lock:
            values, end = list(self._values.get(name, ())), self._newest
        parts: list[list[float]] = [[] for _ in range(width)]
        for at, value in values:
            place = width - 1 - int((end - at) / SECONDS * width)
            if 0 <= place < width:
                parts[place].append(value)
        return [sum(part) / len(part) if part else nan for part in parts]

    def last(self, name: str) -> float | None:
        """Return the value of the last look; None if it had none."""
        with self._lock:
            values = self._values.get(name)
            return values[-1][1] if values and values[-1][0] == self._newest else None

    def age(self, now: float) -> float:
        """Return how many seconds ago the last look was."""
        return now - self._newest


def _values(machine: Machine, runs: Mapping[str, RunLoad]) -> Iterator[tuple[str, float]]:
    yield "cpu", machine.cpu_percent
    yield "memory", 100 * machine.memory_used / (machine.memory_total or 1)
    yield "swap", 100 * machine.swap_used / (machine.swap_total or 1)
    yield "disk", 100 * (1 - machine.disk_free / (machine.disk_total or 1))
    for run, load in runs.items():
        yield f"run {run} cpu", load.cpu_percent
        yield f"run {run} memory", float(load.memory)
    vram: dict[str, int] = {}
    for gpu in machine.gpus:
        yield from _of_gpu(gpu)
        for process in gpu.processes:
            if process.run_id is not None:
                vram[process.run_id] = vram.get(process.run_id, 0) + process.memory
    for run, memory in vram.items():
        yield f"run {run} vram", float(memory)


def _of_gpu(gpu: GpuView) -> Iterator[tuple[str, float]]:
    if gpu.utilisation is not None:
        yield f"gpu {gpu.uuid} use", float(gpu.utilisation)
    if gpu.memory_used is not None and gpu.memory_total:
        yield f"gpu {gpu.uuid} memory", 100 * gpu.memory_used / gpu.memory_total
    if gpu.temperature is not None:
        yield f"gpu {gpu.uuid} heat", float(gpu.temperature)
    if gpu.power is not None:
        yield f"gpu {gpu.uuid} power", gpu.power
