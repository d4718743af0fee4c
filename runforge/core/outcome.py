"""What a claim gives to an attempt, and how the attempt ended."""

from __future__ import annotations

from typing import NamedTuple

from runforge.core.states import Cause, State


class Ending(NamedTuple):
    """How an attempt ended, ready for the journal."""

    state: State
    cause: Cause
    error: str | None = None
    exit_code: int | None = None
    signal: int | None = None
    metric_name: str | None = None
    metric_value: float | None = None


class DeviceGrant(NamedTuple):
    """A GPU slot, and the device behind it (None where the machine has none): the whole of it or a part."""

    slot: int
    device: str | None = None
    is_whole: bool = True


class Grant(NamedTuple):
    """What a claim hands to an attempt: its secret, its slot and its devices."""

    token: str
    epoch: int
    slot: int
    devices: tuple[DeviceGrant, ...] = ()

    @property
    def uuids(self) -> list[str]:
        """The devices that it names."""
        return [each.device for each in self.devices if each.device is not None]
