"""Which GPUs this machine has, by NVIDIA's NVML. None is a normal answer, never an error."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

HIDE = "RUNFORGE_DISABLE_GPU"


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device. The UUID is its identity: indices differ between NVML and CUDA."""

    index: int
    uuid: str
    name: str
    memory_mb: int


def detect() -> list[Gpu]:
    """Return the GPUs, none where there is no driver or $RUNFORGE_DISABLE_GPU is 1."""
    if os.environ.get(HIDE, "") not in {"", "0"}:
        return []
    try:
        import pynvml
    except ImportError:
        return []
    try:
        pynvml.nvmlInit()
    except pynvml.NVMLError:
        return []
    try:
        return [_describe(pynvml, index) for index in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:
        return []
    finally:
        pynvml.nvmlShutdown()


def _describe(nvml: Any, index: int) -> Gpu:
    handle = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    return Gpu(
        index,
        _text(nvml.nvmlDeviceGetUUID(handle)),
        _text(nvml.nvmlDeviceGetName(handle)),
        int(memory.total) // (1024 * 1024),
    )


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
