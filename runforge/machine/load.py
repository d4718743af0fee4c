"""The machine that the runs share: cores, memory, disk, and the GPUs with their users.

A machine without NVIDIA's driver has no GPUs, which is no error. Nothing is asked of a device but what
NVML answers at once.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Any

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
    """A GPU at this moment; memory in bytes, temperature in degrees Celsius, power in watts."""

    index: int
    name: str
    uuid: str
    utilisation: int | None
    memory_used: int
    memory_total: int
    temperature: int | None
    power: float | None
    processes: list[GpuProcess] = field(default_factory=list)


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
    gpu_problem: str | None


def read_machine(workspace: Workspace) -> Machine:
    """Return how the machine is. CPU load is since the last call of this process."""
    import psutil  # 25 ms that only this needs

    memory, swap = psutil.virtual_memory(), psutil.swap_memory()
    disk = os.statvfs(workspace.root)
    gpus, problem = _gpus()
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
        problem,
    )


def _gpus() -> tuple[list[GpuView], str | None]:
    try:
        import pynvml as nvml
    except ImportError:
        return [], "nvidia-ml-py is not installed"
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        return [], str(error)
    try:
        return [_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())], None
    except nvml.NVMLError as error:
        return [], str(error)
    finally:
        nvml.nvmlShutdown()


def _gpu(nvml: Any, index: int) -> GpuView:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    rates = _or_none(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    power = _or_none(nvml, lambda: nvml.nvmlDeviceGetPowerUsage(handle))
    running = _or_none(nvml, lambda: nvml.nvmlDeviceGetComputeRunningProcesses(handle)) or []
    return GpuView(
        index,
        _text(nvml.nvmlDeviceGetName(handle)),
        _text(nvml.nvmlDeviceGetUUID(handle)),
        None if rates is None else int(rates.gpu),
        int(memory.used),
        int(memory.total),
        _or_none(nvml, lambda: int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))),
        None if power is None else power / 1000,
        [_process(int(p.pid), int(p.usedGpuMemory or 0)) for p in running],
    )


def _or_none(nvml: Any, ask: Any) -> Any:
    """Return what the device answers; None where it does not know (and in a fake that has no such call)."""
    try:
        return ask()
    except (nvml.NVMLError, AttributeError):
        return None


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


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
