"""The machine that the runs share: cores, memory, disk, and the GPUs with their users.

The GPUs are read as everywhere (`machine.gpus`). Nothing is asked of a device but what NVML answers at once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

from runforge.machine.gpus import Gpu, memory_of, read_all, told
from runforge.workspace import Workspace


@dataclass(frozen=True, slots=True)
class GpuProcess:
    """A process on a GPU; `run_id` where it belongs to a run of RunForge. Memory in bytes."""

    pid: int
    name: str
    memory: int
    run_id: str | None
    user: str


@dataclass(frozen=True, slots=True)
class GpuView:
    """A GPU at this moment: memory in bytes, degrees Celsius, watts; None if it is not reported."""

    index: int
    name: str
    uuid: str
    utilisation: int | None
    memory_used: int | None
    memory_total: int | None
    temperature: int | None
    power: float | None
    processes: list[GpuProcess] = field(default_factory=list)
    #: Which runs and queues hold it, and why it gets no new runs: as others see it.
    held: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Machine:
    """The machine at this moment. Memory and disk in bytes; `cpu_percent` of all cores together."""

    cores: int
    load: tuple[float, float, float]
    cpu_percent: float
    memory_used: int
    memory_total: int
    swap_used: int
    swap_total: int
    disk_free: int
    disk_total: int
    gpus: list[GpuView]
    #: What is wrong with the GPUs, or else why there are none.
    gpu_problem: str | None
    gpu_absence: str | None = None


def read_machine(workspace: Workspace) -> Machine:
    """Return how the machine is. CPU load is since the last call of this process."""
    import psutil  # 25 ms that only this needs

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    disk = os.statvfs(workspace.root)
    found, gpus = read_all(_gpu)
    refused = "; ".join(map(str, found.refused)) or None
    return Machine(
        psutil.cpu_count() or 1,
        os.getloadavg(),
        psutil.cpu_percent(),
        memory.total - memory.available,
        memory.total,
        swap.used,
        swap.total,
        disk.f_bavail * disk.f_frsize,
        disk.f_blocks * disk.f_frsize,
        gpus,
        found.problem or refused,
        found.absence,
    )


def _gpu(nvml: Any, handle: Any, gpu: Gpu) -> GpuView:
    memory = memory_of(nvml, handle)
    rates = told(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    power = told(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle))
    running = told(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle)) or []
    return GpuView(
        gpu.index,
        gpu.name,
        gpu.uuid,
        None if rates is None else int(rates.gpu),
        None if memory is None else memory.used,
        None if memory is None else memory.total,
        told(nvml, lambda: int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
        None if power is None else power / 1000,
        [_process(int(p.pid), int(p.usedGpuMemory or 0)) for p in running],
    )


def _process(pid: int, memory: int) -> GpuProcess:
    import psutil

    try:
        process = psutil.Process(pid)
        name, user = process.name(), process.username()
    except psutil.Error:
        return GpuProcess(pid, "?", memory, None, "?")
    try:
        run_id = process.environ().get("RUNFORGE_RUN_ID")
    except (psutil.Error, OSError):
        run_id = None  # somebody else's
    return GpuProcess(pid, name, memory, run_id, user)
