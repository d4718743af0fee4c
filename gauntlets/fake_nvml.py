"""A made-up world of GPUs at the `pynvml` seam: a module with answers from a file, which each call reads again.

The file is `RUNFORGE_FAKE_NVML`, or else world.json beside the module. This source is put as pynvml.py into a folder
of PYTHONPATH (`gauntlets.made_gpus.FakeNvml`), so it may import nothing of the project.

    {"devices": [{"uuid", "name", "memory", "used", "reserved", "use", "power", "temperature", "errors": {call: error},
                  "mig": [{...}], "processes": [{"pid", "memory"}], "gone": true, "xid": 79}],
     "claims": "FOLDER",       runs claim memory there: a file PID with lines `uuid bytes` (`claim` of gauntlets.made_gpus)
     "memory": {"REGEX": {"UUID or *": bytes}},   processes whose command line matches have this memory
     "pids": {"shift": 100000} or {"of": {"12": 34}},   what NVML says for a pid: a container's wrong numbers
     "errors": {call: error}, "period": seconds between looks of a daemon}
"""

import contextlib
import json
import os
import pathlib
import re
import time

_WORLD = {}


class NVMLError(Exception):
    pass


for _name in (
    *("DriverNotLoaded", "LibraryNotFound", "LibRmVersionMismatch", "Unknown", "NotSupported"),
    *(
        "NoPermission",
        "GpuIsLost",
        "NotFound",
        "FunctionNotFound",
        "ResetRequired",
        "Uninitialized",
        "Timeout",
    ),
):
    globals()["NVMLError_" + _name] = type("NVMLError_" + _name, (NVMLError,), {})

NVML_TEMPERATURE_GPU = 0
nvmlMemory_v2 = 2


class _Values:
    def __init__(self, **values):
        self.__dict__.update(values)


def _fail(errors, call):
    if call in errors:
        raise globals()["NVMLError_" + errors[call]](f"{errors[call]} by {call}")


def _read():
    global _WORLD  # noqa: PLW0603 - one assignment: another thread may look at the same moment
    path = os.environ.get("RUNFORGE_FAKE_NVML") or pathlib.Path(__file__).with_name("world.json")
    _WORLD = json.loads(pathlib.Path(path).read_text())


def nvmlInit():
    _read()
    if "period" in _WORLD:
        import runforge.machine.gpu_watch as watch

        watch.PERIOD = _WORLD["period"]
    _fail(_WORLD.get("errors", {}), "nvmlInit")


def nvmlShutdown():
    _fail(_WORLD.get("errors", {}), "nvmlShutdown")


def _there():
    return [device for device in _WORLD["devices"] if not device.get("gone")]


def nvmlDeviceGetCount():
    _fail(_WORLD.get("errors", {}), "nvmlDeviceGetCount")
    return len(_there())


def nvmlDeviceGetHandleByIndex(index):
    device = _there()[index]
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


def nvmlDeviceGetUtilizationRates(handle):
    _fail(handle.get("errors", {}), "nvmlDeviceGetUtilizationRates")
    return _Values(gpu=handle.get("use", 0), memory=0)


def nvmlDeviceGetComputeRunningProcesses(handle):
    _fail(handle.get("errors", {}), "nvmlDeviceGetComputeRunningProcesses")
    return [_Values(pid=_told_pid(pid), usedGpuMemory=memory) for pid, memory in _processes(handle).items()]


def nvmlDeviceGetGraphicsRunningProcesses(handle):
    _fail(handle.get("errors", {}), "nvmlDeviceGetGraphicsRunningProcesses")
    return []


def _told_pid(pid):
    pids = _WORLD.get("pids", {})
    return pids.get("of", {}).get(str(pid), pid + pids.get("shift", 0))


def _processes(handle):
    """The processes on a device: those of the file, those that match a pattern, and those that claim memory."""
    found = {each["pid"]: each.get("memory") for each in handle.get("processes", [])}
    found.update(_matching(handle))
    found.update(_claiming(handle))
    return found


def _matching(handle):
    found = {}
    patterns = _WORLD.get("memory", {})
    for folder in pathlib.Path("/proc").glob("[0-9]*") if patterns else ():
        with contextlib.suppress(OSError):
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            for pattern, memory in patterns.items():
                size = memory.get(handle["uuid"], memory.get("*"))
                if size is not None and line and re.search(pattern, line):
                    found[int(folder.name)] = size
    return found


def _claiming(handle):
    found = {}
    folder = _WORLD.get("claims")
    for path in pathlib.Path(folder).glob("[0-9]*") if folder else ():
        with contextlib.suppress(OSError, ValueError):
            if not os.path.exists(f"/proc/{path.name}"):
                continue
            claims = [line.split() for line in path.read_text().splitlines()]
            sizes = [int(size) for uuid, size in claims if uuid == handle["uuid"]]
            if sizes:
                found[int(path.name)] = sum(sizes)
    return found


def nvmlDeviceGetMemoryInfo(handle, version=None):
    _fail(handle.get("errors", {}), "nvmlDeviceGetMemoryInfo")
    total, reserved = handle.get("memory", 80 * 2**30), handle.get("reserved", 0)
    used = handle.get("used", 0) + sum(memory or 0 for memory in _processes(handle).values())
    values = {"total": total, "used": used if version else used + reserved}
    return _Values(**values, reserved=reserved) if version else _Values(**values)


def nvmlDeviceGetMigMode(handle):
    if "mig" not in handle:
        raise NVMLError_NotSupported  # noqa: F821 - made above
    return [1, 1]


def nvmlDeviceGetMaxMigDeviceCount(handle):
    return 7


def nvmlDeviceGetMigDeviceHandleByIndex(handle, place):
    if place >= len(handle["mig"]):
        raise NVMLError_NotFound  # noqa: F821 - made above
    return handle["mig"][place]


def nvmlEventSetCreate():
    return {}


def nvmlDeviceRegisterEvents(handle, kinds, events):
    _fail(handle.get("errors", {}), "nvmlDeviceRegisterEvents")
    events[handle["uuid"]] = None


def nvmlEventSetFree(events):
    events.clear()


def nvmlEventSetWait_v2(events, patience_ms):
    """Tell each new Xid of the file once."""
    _read()
    for device in _WORLD["devices"]:
        xid = device.get("xid")
        if device["uuid"] in events and events[device["uuid"]] != xid:
            events[device["uuid"]] = xid
            if xid is not None:
                return _Values(device=device, eventType=8, eventData=xid)
    time.sleep(min(patience_ms, 20) / 1000)
    raise NVMLError_Timeout  # noqa: F821 - made above
