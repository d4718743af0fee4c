"""What the end of a log says of a GPU: its memory, the device itself, or nothing."""

from __future__ import annotations

import pytest

from runforge.attempts.gpu_words import fault_in
from runforge.core.outcome import GpuFault

OOM = [
    "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB",
    "torch.OutOfMemoryError: CUDA out of memory.",
    "RuntimeError: CUDA error: out of memory",
    "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "jaxlib.xla_extension.XlaRuntimeError: RESOURCE_EXHAUSTED: Out of memory while trying to allocate 17179869184 bytes.",
    "tensorflow.python.framework.errors_impl.ResourceExhaustedError: OOM when allocating tensor",
    "cupy.cuda.memory.OutOfMemoryError: Out of memory allocating 4,294,967,296 bytes",
    "ggml_backend_cuda_buffer_type_alloc_buffer: allocating 9 MiB on device 0: cudaMalloc failed: out of memory",
    "cuMemAlloc_v2 failed: CUDA_ERROR_OUT_OF_MEMORY",
]
DEVICE = [
    "RuntimeError: CUDA error: uncorrectable ECC error encountered",
    "RuntimeError: CUDA error: CUDA-capable device(s) is/are busy or unavailable",
    "RuntimeError: No CUDA-capable device is detected",
    "NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.",
]
NEITHER = [
    "",
    "MemoryError",
    "Killed",
    "RuntimeError: CUDA error: device-side assert triggered",
    "ValueError: out of range",
    "grpc: transaction xid 79 was aborted",
    "RuntimeError: The size of tensor a (3) must match the size of tensor b (4)",
]


@pytest.mark.parametrize("text", OOM)
def test_no_memory_left(text: str) -> None:
    assert fault_in(f"epoch 3\n{text}\n") is GpuFault.OOM


@pytest.mark.parametrize("text", DEVICE)
def test_a_device_that_has_failed(text: str) -> None:
    assert fault_in(f"epoch 3\n{text}\n") is GpuFault.DEVICE


@pytest.mark.parametrize("text", NEITHER)
def test_a_fault_of_the_program(text: str) -> None:
    assert fault_in(text) is None
