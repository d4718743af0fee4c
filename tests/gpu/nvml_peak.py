"""Watches NVML until a file is there; prints the highest memory of each device in MiB, as JSON.

    nvml_peak.py FILE      {"GPU-...": [of one process, of the whole device]}

It asks NVML itself and shares no code with RunForge, whose record it is compared with.
"""

import json
import os
import sys
import time

import pynvml

_MB = 1024 * 1024


def used(handle: object) -> int:
    """Return the memory in use on a device, without what the driver keeps for itself."""
    try:
        return int(pynvml.nvmlDeviceGetMemoryInfo(handle, pynvml.nvmlMemory_v2).used)
    except (pynvml.NVMLError, AttributeError):
        return int(pynvml.nvmlDeviceGetMemoryInfo(handle).used)


def largest(handle: object) -> int:
    """Return the memory of the largest process on a device; 0 if that is not told."""
    try:
        processes = pynvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except pynvml.NVMLError:
        return 0
    return max((int(process.usedGpuMemory or 0) for process in processes), default=0)


def main(over: str) -> None:
    """Watch ten times a second."""
    peaks: dict[str, list[int]] = {}
    pynvml.nvmlInit()
    while not os.path.exists(over):
        for number in range(pynvml.nvmlDeviceGetCount()):
            handle = pynvml.nvmlDeviceGetHandleByIndex(number)
            name = pynvml.nvmlDeviceGetUUID(handle)
            before = peaks.get(name, [0, 0])
            now = largest(handle) // _MB, used(handle) // _MB
            peaks[name] = [max(pair) for pair in zip(before, now, strict=True)]
        time.sleep(0.1)
    print(json.dumps(peaks))


main(sys.argv[1])
