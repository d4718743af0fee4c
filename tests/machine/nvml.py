"""A fake of NVIDIA's NVML: a `pynvml` with answers from a file, which each `nvmlInit` reads again."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

_MODULE = """
import json, pathlib

_WORLD = {}


class NVMLError(Exception):
    pass


for _name in ("DriverNotLoaded", "LibraryNotFound", "LibRmVersionMismatch", "Unknown", "NotSupported",
              "NoPermission", "GpuIsLost", "NotFound"):
    globals()["NVMLError_" + _name] = type("NVMLError_" + _name, (NVMLError,), {})

NVML_TEMPERATURE_GPU = 0


class _Memory:
    def __init__(self, total):
        self.total, self.used = total, 2**30


def _fail(errors, call):
    if call in errors:
        raise globals()["NVMLError_" + errors[call]](f"{errors[call]} by {call}")


def nvmlInit():
    world = json.loads(pathlib.Path(__file__).with_name("world.json").read_text())
    _WORLD.update(world)
    if "period" in world:
        import runforge.machine.gpu_watch as watch
        watch.PERIOD = world["period"]
    _fail(world.get("errors", {}), "nvmlInit")


def nvmlShutdown():
    _fail(_WORLD.get("errors", {}), "nvmlShutdown")


def nvmlDeviceGetCount():
    _fail(_WORLD.get("errors", {}), "nvmlDeviceGetCount")
    return len(_WORLD["devices"])


def nvmlDeviceGetHandleByIndex(index):
    device = _WORLD["devices"][index]
    _fail(device.get("errors", {}), "nvmlDeviceGetHandleByIndex")
    return device


def _answer(call, key, usual=None):
    def ask(handle, *_):
        _fail(handle.get("errors", {}), call)
        return handle.get(key, usual)
    globals()[call] = ask


_answer("nvmlDeviceGetUUID", "uuid")
_answer("nvmlDeviceGetName", "name", "Fake H200")
_answer("nvmlDeviceGetPowerUsage", "power", 500_000)
_answer("nvmlDeviceGetTemperature", "temperature", 60)
_answer("nvmlDeviceGetComputeRunningProcesses", "processes", [])


def nvmlDeviceGetMemoryInfo(handle):
    _fail(handle.get("errors", {}), "nvmlDeviceGetMemoryInfo")
    return _Memory(handle.get("memory", 80 * 2**30))


def nvmlDeviceGetMigMode(handle):
    if "mig" not in handle:
        raise NVMLError_NotSupported()
    return [1, 1]


def nvmlDeviceGetMaxMigDeviceCount(handle):
    return 7


def nvmlDeviceGetMigDeviceHandleByIndex(handle, place):
    if place >= len(handle["mig"]):
        raise NVMLError_NotFound()
    return handle["mig"][place]
"""


class FakeNvml:
    """A folder for the module path, and what the made-up NVML says from now on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pynvml.py").write_text(_MODULE)
        self.says(2)

    def says(self, devices: int | list[dict[str, Any]] = 2, **more: Any) -> None:
        """Answer with this many devices, or with these; `errors` names the calls that fail, and how."""
        named = [{} for _ in range(devices)] if isinstance(devices, int) else devices
        world = {"devices": [{"uuid": uuid(n), **each} for n, each in enumerate(named)], **more}
        path = self.folder / "world.json"
        path.with_suffix(".new").write_text(json.dumps(world))
        os.replace(path.with_suffix(".new"), path)


def uuid(number: int) -> str:
    """Return the UUID of a made-up device."""
    return f"GPU-{number:08x}-0000-0000-0000-000000000000"
