"""A CUDA workload without a framework: takes memory on each device that it sees, writes to it, and holds it.

    cuda_hold.py [--mb N] [--too-much-unless VARIABLE] [--until FILE] [--seconds S]

Prints `DEVICES N`, for each device `UUID GPU-...`, and `HELD N` once the memory is taken. Standard library alone:
it calls the driver's own library, libcuda.so.1.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import sys
import time
import uuid

_MB = 1024 * 1024
_NO_DEVICE = 100
_OUT_OF_MEMORY = 2
_POLL = 0.05


class CudaError(Exception):
    """A call has failed; the message is the driver's, with the number."""

    def __init__(self, call: str, number: int) -> None:
        super().__init__(f"{call} failed with error {number}")
        self.number = number


class Cuda:
    """The few calls of the driver that are needed."""

    def __init__(self) -> None:
        """Load the library; OSError if there is none."""
        self._library = ctypes.CDLL("libcuda.so.1")

    def _call(self, name: str, *arguments: object) -> None:
        number = getattr(self._library, name)(*arguments)
        if number:
            raise CudaError(name, number)

    def count(self) -> int:
        """Return how many devices this process sees."""
        try:
            self._call("cuInit", 0)
        except CudaError as error:
            if error.number == _NO_DEVICE:
                return 0
            raise
        found = ctypes.c_int()
        self._call("cuDeviceGetCount", ctypes.byref(found))
        return found.value

    def uuid(self, number: int) -> str:
        """Return the UUID of a device, as NVML writes it."""
        data = (ctypes.c_ubyte * 16)()
        is_new = hasattr(self._library, "cuDeviceGetUuid_v2")
        self._call("cuDeviceGetUuid_v2" if is_new else "cuDeviceGetUuid", data, self._device(number))
        return f"GPU-{uuid.UUID(bytes=bytes(data))}"

    def total(self, number: int) -> int:
        """Return how much memory a device has, in bytes."""
        found = ctypes.c_size_t()
        self._call("cuDeviceTotalMem_v2", ctypes.byref(found), self._device(number))
        return found.value

    def take(self, number: int, size: int) -> None:
        """Allocate so many bytes on a device and write to each of them."""
        context, pointer = ctypes.c_void_p(), ctypes.c_uint64()
        self._call("cuDevicePrimaryCtxRetain", ctypes.byref(context), self._device(number))
        self._call("cuCtxSetCurrent", context)
        if size:
            self._call("cuMemAlloc_v2", ctypes.byref(pointer), ctypes.c_size_t(size))
            self._call("cuMemsetD8_v2", pointer, ctypes.c_ubyte(1), ctypes.c_size_t(size))
        self._call("cuCtxSynchronize")

    def _device(self, number: int) -> ctypes.c_int:
        device = ctypes.c_int()
        self._call("cuDeviceGet", ctypes.byref(device), number)
        return device


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--mb", type=int, default=0)
    parser.add_argument("--too-much-unless", default="")
    parser.add_argument("--until", default="")
    parser.add_argument("--seconds", type=float, default=0.0)
    options = parser.parse_args()
    cuda = Cuda()
    count = cuda.count()
    print(f"DEVICES {count}", flush=True)
    is_too_much = options.too_much_unless and not os.environ.get(options.too_much_unless)
    for number in range(count):
        print(f"UUID {cuda.uuid(number)}", flush=True)
        size = cuda.total(number) + 64 * _MB if is_too_much else options.mb * _MB
        try:
            cuda.take(number, size)
        except CudaError as error:
            if error.number != _OUT_OF_MEMORY:
                raise
            print(f"CUDA out of memory. Tried to allocate {size // _MB} MiB.", file=sys.stderr)
            return 1
    print(f"HELD {options.mb}", flush=True)
    end = time.monotonic() + options.seconds
    while (options.until and not os.path.exists(options.until)) or time.monotonic() < end:
        time.sleep(_POLL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
