"""Puts GPUs aside whose hardware has failed, as the driver says."""

from __future__ import annotations

from collections.abc import Callable

from runforge.machine.gpu_world import Seen
from runforge.store import quarantine
from runforge.store.journal import Journal


class FailedDevices:
    """The devices with such an error that are not put aside yet: the disk may be full."""

    def __init__(self, log: Callable[[str], None]) -> None:
        self._log = log
        self._open: dict[str, int] = {}
        self._last: tuple[Seen, ...] = ()

    def put_aside(self, seen: tuple[Seen, ...], journal: Journal, epoch: int, now: str) -> None:
        """Give the devices no new runs until somebody releases them."""
        if seen is not self._last:  # each look is handed in many times
            self._open.update({each.uuid: each.xid for each in seen if each.xid is not None})
        self._last = seen
        if not self._open:
            return
        with journal.write(epoch) as tx:
            for uuid, xid in self._open.items():
                quarantine.put_aside(tx, uuid, f"the driver says Xid {xid}", now)
        for uuid, xid in self._open.items():
            self._log(f"WARNING: GPU {uuid} gets no new runs: the driver says Xid {xid}")
        self._open.clear()
