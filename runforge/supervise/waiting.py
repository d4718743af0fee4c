"""What a supervisor waits for while its run goes on: output, the end of a process, an order.

Orders are files in the attempt's folder, so that they work without a daemon. The kernel says when one appears. Where
it does not, the supervisor looks ten times a second.
"""

from __future__ import annotations

import os
import select
from pathlib import Path

from runforge.machine import os_process
from runforge.machine.folder_events import FolderEvents

#: Seconds between two looks where nothing wakes the supervisor; a run that ends sooner costs no watch.
SHORT = 0.1
#: The same where the kernel does: the folder may have been put in the place of another one.
LONG = 30.0
#: The same on a node of a cluster: the kernel does not tell of orders that another machine gives.
ON_A_NODE = 10.0


class Waiting:
    """The descriptors that end the waiting."""

    def __init__(self, folder: Path, pipe: int, pid: int, *, is_patient: bool, is_here: bool = True) -> None:
        """Make it; if `is_patient`, output that comes before `begin` wakes nobody. `is_here`: this is the daemon's machine."""
        self._long = LONG if is_here else ON_A_NODE
        self._folder = folder
        self._pipe = pipe
        self._handle = os_process.pidfd_open(pid)
        self._events: FolderEvents | None = None
        self._is_begun = False
        #: Others may wake it too.
        self.poller = select.poll()
        self._is_patient = is_patient
        for descriptor in (None if is_patient else pipe, self._handle):
            if descriptor is not None:
                self.poller.register(descriptor, select.POLLIN)

    def begin(self) -> None:
        """Let the kernel tell of orders; called before each look for them, so that none is missed."""
        if self._is_begun:
            return
        self._is_begun = True
        if self._is_patient:
            self.poller.register(self._pipe, select.POLLIN)
        try:
            self._events = FolderEvents(self._folder)
        except (OSError, ValueError):
            return
        self.poller.register(self._events.wake, select.POLLIN)

    @property
    def longest(self) -> float:
        """The seconds after which a look for orders and ended processes is due, whatever wakes it."""
        return SHORT if self._events is None else self._long

    def wait(self, seconds: float) -> tuple[bool, bool]:
        """Wait, but at most this long; return whether there is output, and whether there may be an order."""
        found = {descriptor for descriptor, _ in self.poller.poll(max(0.0, seconds) * 1000)}
        has_changed = False
        if self._events is not None and self._events.wake in found:
            has_changed = self._events.has_changed()
        return self._pipe in found, has_changed

    def leave_output(self) -> None:
        """Wait for output no more: its end was reached."""
        self.poller.unregister(self._pipe)

    def close(self) -> None:
        """Release everything but the pipe."""
        if self._handle is not None:
            os.close(self._handle)
        if self._events is not None:
            self._events.close()
