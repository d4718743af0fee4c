"""Which GPUs this machine has: the one reader of NVIDIA's NVML.

No driver is a normal answer. A driver that is there and does not work is another one, and says why. What NVML
refuses for one device costs that device at most.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, TypeVar

from runforge.machine.gpu_world import Seen
from runforge.own_python import import_named

T = TypeVar("T")

HIDE = "RUNFORGE_DISABLE_GPU"
#: The errors that mean that there is no driver. Every other one means that it does not work.
_NO_DRIVER = {"NVMLError_DriverNotLoaded", "NVMLError_LibraryNotFound"}
#: The errors that mean that a device does not report a value. The device works.
_NOT_TOLD = {"NVMLError_NotSupported", "NVMLError_NoPermission", "NVMLError_FunctionNotFound"}
#: What a value that is not there, or a library older than its caller, leads to.
_MISFITS = (AttributeError, TypeError, ValueError, OSError)


@dataclass(frozen=True, slots=True)
class Gpu:
    """One device. The UUID is its identity: indices differ between NVML and CUDA."""

    index: int
    uuid: str
    name: str
    #: 0 if the device does not report it.
    memory_mb: int


class Refused(NamedTuple):
    """A device that cannot be used, and why."""

    name: str
    why: str
    number: int | None = None

    def __str__(self) -> str:
        """Return both in words."""
        return f"{self.name} cannot be used: {self.why}"


class Gpus(NamedTuple):
    """The devices that there are. Without any, `absence` says why, or `problem` where there should be some."""

    usable: tuple[Gpu, ...] = ()
    refused: tuple[Refused, ...] = ()
    problem: str | None = None
    absence: str | None = None
    #: What the user should know of how the devices were chosen.
    remarks: tuple[str, ...] = ()
    #: Whose memory is on the usable devices, in their order; empty if nobody has looked for it.
    seen: tuple[Seen, ...] = ()
    #: Whether that was too long ago to give a device by it. A new look is on its way.
    is_stale: bool = False

    @property
    def total(self) -> int:
        """How many there are, with those that cannot be used."""
        return len(self.usable) + len(self.refused)


def read_all(ask: Callable[[Any, Any, Gpu], T]) -> tuple[Gpus, list[T]]:
    """Return the machine's devices, and what `ask` makes of each usable one; it gets NVML, handle and device."""
    if os.environ.get(HIDE, "") not in {"", "0"}:
        return Gpus(absence=f"{HIDE} hides them"), []
    try:
        nvml: Any = import_named("pynvml")
    except ImportError:
        return Gpus(absence="nvidia-ml-py is not installed"), []
    faults = (nvml.NVMLError, *_MISFITS)
    try:
        nvml.nvmlInit()
    except faults as error:
        if type(error).__name__ in _NO_DRIVER:
            return Gpus(absence=_words(error)), []
        return Gpus(problem=f"NVIDIA's driver does not work: {_words(error)}"), []
    try:
        return _visit(nvml, ask)
    except faults as error:
        return Gpus(problem=f"NVIDIA's driver does not work: {_words(error)}"), []
    finally:
        with contextlib.suppress(*faults):
            nvml.nvmlShutdown()


def _visit(nvml: Any, ask: Callable[[Any, Any, Gpu], T]) -> tuple[Gpus, list[T]]:
    usable: list[Gpu] = []
    refused: list[Refused] = []
    asked: list[T] = []
    for index in range(nvml.nvmlDeviceGetCount()):
        found = _device(nvml, index, ask)
        if isinstance(found, Refused):
            refused.append(found)
        else:
            usable += [gpu for gpu, _ in found]
            asked += [answer for _, answer in found]
    if refused and not usable:
        return Gpus((), tuple(refused), problem="; ".join(map(str, refused))), []
    absence = None if usable else "NVIDIA's driver knows none"
    return Gpus(tuple(usable), tuple(refused), absence=absence), asked


def _device(nvml: Any, index: int, ask: Callable[[Any, Any, Gpu], T]) -> list[tuple[Gpu, T]] | Refused:
    found = []
    try:
        for handle in _parts(nvml, nvml.nvmlDeviceGetHandleByIndex(index)):
            gpu = _describe(nvml, handle, index)
            found.append((gpu, ask(nvml, handle, gpu)))
    except (nvml.NVMLError, *_MISFITS) as error:
        return Refused(f"GPU {index}", _words(error), index)
    return found


def _parts(nvml: Any, handle: Any) -> list[Any]:
    """Return a device, or its MIG instances if it is split: then only they can be used."""
    mode = told(nvml, lambda: nvml.nvmlDeviceGetMigMode(handle))
    if not mode or not mode[0]:
        return [handle]
    places = range(told(nvml, lambda: nvml.nvmlDeviceGetMaxMigDeviceCount(handle)) or 0)
    found = [told(nvml, partial(nvml.nvmlDeviceGetMigDeviceHandleByIndex, handle, n)) for n in places]
    parts = [part for part in found if part is not None]
    if not parts:
        raise ValueError("MIG is on, and it has no instance")
    return parts


def _describe(nvml: Any, handle: Any, index: int) -> Gpu:
    uuid = _text(nvml.nvmlDeviceGetUUID(handle))
    memory = memory_of(nvml, handle)
    name = told(nvml, lambda: _text(nvml.nvmlDeviceGetName(handle)))
    return Gpu(index, uuid, name or f"GPU {index}", memory.total // (1024 * 1024) if memory else 0)


class Memory(NamedTuple):
    """A device's memory in bytes; `reserved` is the driver's, in neither `used` nor what can be allocated."""

    used: int
    total: int
    reserved: int = 0


def memory_of(nvml: Any, handle: Any) -> Memory | None:
    """Return how much of a device's memory is in use and how much it has; None if it is not reported."""
    try:
        memory = _memory_info(nvml, handle)
    except nvml.NVMLError as error:
        if type(error).__name__ in _NOT_TOLD:
            return None
        raise
    used = told(nvml, lambda: int(memory.used)) or 0
    total = told(nvml, lambda: int(memory.total)) or 0
    reserved = told(nvml, lambda: int(memory.reserved)) or 0
    return Memory(used, total, reserved) if total else None


def _memory_info(nvml: Any, handle: Any) -> Any:
    """Return it without what the driver keeps for itself, which the first version of this call counts as used."""
    version = getattr(nvml, "nvmlMemory_v2", None)
    if version is not None:
        with contextlib.suppress(nvml.NVMLError, *_MISFITS):
            return nvml.nvmlDeviceGetMemoryInfo(handle, version)
    return nvml.nvmlDeviceGetMemoryInfo(handle)


def told(nvml: Any, ask: Callable[[], T]) -> T | None:
    """Return what a device answers; None if it does not report that, or if NVML is too old."""
    try:
        return ask()
    except (nvml.NVMLError, *_MISFITS):
        return None


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__.removeprefix("NVMLError_")


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
