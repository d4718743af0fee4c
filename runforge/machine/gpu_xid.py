"""Xid errors of the GPUs, as the driver tells them: the ones that mean that the hardware has failed.

They come as events, so a thread waits for them while somebody asks. It ends soon after the last question, because to
wait keeps the driver loaded. Where NVML has no such events there are none.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

from runforge.own_python import import_named

#: Memory errors that cannot be corrected, a broken link, a device that fell off the bus or whose firmware hangs.
#: The others come from programs: an access out of bounds must not cost a device.
HARDWARE = frozenset({48, 62, 64, 74, 79, 95, 119, 120})
_CRITICAL = 8
_WAIT_MS = 1000
#: Seconds after the last question.
_IDLE = 5.0


class Xids:
    """What has come since the last question."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._found: dict[str, int] = {}
        self._asked = 0.0
        self._thread: threading.Thread | None = None
        self._is_possible = True

    def take(self) -> dict[str, int]:
        """Return the errors by the device's UUID, each once; and wait for more."""
        self._asked = self._monotonic()
        if self._is_possible and (self._thread is None or not self._thread.is_alive()):
            self._thread = threading.Thread(target=self._watch, name="xids", daemon=True)
            self._thread.start()
        with self._lock:
            found, self._found = self._found, {}
        return found

    def _watch(self) -> None:
        try:
            nvml: Any = import_named("pynvml")
        except ImportError:
            self._is_possible = False
            return
        faults = (nvml.NVMLError, AttributeError, TypeError, ValueError, OSError)
        try:
            nvml.nvmlInit()
        except faults:
            return  # the driver does not work now: others tell of that
        try:
            self._listen(nvml)
        except faults as error:
            self._is_possible = type(error).__name__ != "NVMLError_NotSupported" and isinstance(
                error, nvml.NVMLError
            )
        finally:
            with contextlib.suppress(*faults):
                nvml.nvmlShutdown()

    def _listen(self, nvml: Any) -> None:
        events = nvml.nvmlEventSetCreate()
        try:
            if not _registered(nvml, events):
                return
            while self._monotonic() - self._asked < _IDLE:
                self._hear(nvml, events)
        finally:
            nvml.nvmlEventSetFree(events)

    def _hear(self, nvml: Any, events: Any) -> None:
        try:
            event = nvml.nvmlEventSetWait_v2(events, _WAIT_MS)
        except nvml.NVMLError as error:
            if type(error).__name__ == "NVMLError_Timeout":
                return
            raise
        if int(event.eventData) in HARDWARE:
            name = nvml.nvmlDeviceGetUUID(event.device)
            uuid = name.decode("ascii", "replace") if isinstance(name, bytes) else str(name)
            with self._lock:
                self._found[uuid] = int(event.eventData)


def _registered(nvml: Any, events: Any) -> int:
    """Ask for the errors of every device that has such events; return how many these are."""
    count = 0
    for index in range(nvml.nvmlDeviceGetCount()):
        with contextlib.suppress(nvml.NVMLError):
            nvml.nvmlDeviceRegisterEvents(nvml.nvmlDeviceGetHandleByIndex(index), _CRITICAL, events)
            count += 1
    return count
