"""What the end of a failed run's log says of its GPU: no memory left, or a device that has failed itself.

The words are those of CUDA, of torch, JAX, TensorFlow, CuPy and llama.cpp, and of NVIDIA's driver.
"""

from __future__ import annotations

import re

from runforge.core.outcome import GpuFault

_OOM = re.compile(
    r"CUDA out of memory"
    r"|CUDA error: out of memory"
    r"|torch\.(?:cuda\.)?OutOfMemoryError"
    r"|cudaErrorMemoryAllocation"
    r"|CUDA_ERROR_OUT_OF_MEMORY"
    r"|CUBLAS_STATUS_ALLOC_FAILED"
    r"|CUDNN_STATUS_ALLOC_FAILED"
    r"|cudaMalloc failed: out of memory"
    r"|RESOURCE_EXHAUSTED"
    r"|ResourceExhaustedError"
    r"|cupy[\w.]*\.OutOfMemoryError"
    r"|failed to allocate .{0,60}on (?:the )?device",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"uncorrectable ECC error"
    r"|CUDA_ERROR_ECC_UNCORRECTABLE"
    r"|GPU has fallen off the bus"
    r"|GPU is lost"
    r"|NVRM: Xid"
    r"|CUDA_ERROR_SYSTEM_NOT_READY"
    r"|CUDA_ERROR_HARDWARE_STACK_ERROR"
    r"|device\(s\) is/are busy or unavailable"
    r"|cudaErrorDevicesUnavailable"
    r"|no CUDA-capable device is detected"
    r"|CUDA_ERROR_NO_DEVICE"
    r"|CUDA_ERROR_INVALID_DEVICE"
    r"|NVML_ERROR_GPU_IS_LOST",
    re.IGNORECASE,
)


def fault_in(tail: str) -> GpuFault | None:
    """Return what the end of a log says."""
    if _DEVICE.search(tail):
        return GpuFault.DEVICE
    return GpuFault.OOM if _OOM.search(tail) else None
