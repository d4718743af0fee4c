"""Takes devices out of quarantine, and puts them into it by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runforge import clock
from runforge.queue.change import change
from runforge.store import quarantine
from runforge.store.opening import exists, open_snapshot
from runforge.workspace import Workspace


class PutAside(NamedTuple):
    """A device that gets no new runs."""

    device: str
    since: str
    reason: str


def listed(workspace: Workspace) -> list[PutAside]:
    """Return the devices that get no new runs, and why."""
    if not exists(workspace):
        return []
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return [PutAside(*row) for row in tx.rows("attempts.quarantined")]


def release(workspace: Workspace, devices: Sequence[str]) -> list[str]:
    """Give these devices to runs again; return those that were put aside."""
    with change(workspace) as tx:
        return [device for device in devices if quarantine.release(tx, device)]


def put_aside(workspace: Workspace, device: str, reason: str) -> None:
    """Give a device no new runs until it is released."""
    with change(workspace) as tx:
        quarantine.put_aside(tx, device, reason, clock.now())
