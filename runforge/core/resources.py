"""What a run needs from the machine, as one value for the request, the journal and the scheduler."""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


#: Version 1 of the journal said so that a run needs a GPU; the exported files still do.
REQUIRES_GPU = "requires_gpu"


class Resources(NamedTuple):
    """What a run needs. 0 MB of memory means: not given.

    Every run takes one slot. More than one CPU, and memory, are counted against those of the machine.
    """

    cpus: int = 1
    gpus: int = 0
    #: What it uses of each of its devices: it shares them with others then. 0 is the whole device.
    vram_mb: int = 0
    mem_mb: int = 0
    #: The devices that it may have, as UUIDs with commas; empty is any.
    pins: str = ""

    @property
    def pinned(self) -> frozenset[str]:
        """The UUIDs of the devices that it may have; none is any."""
        return frozenset(self.pins.split(",")) if self.pins else frozenset()

    @property
    def requires_gpu(self) -> bool:
        """Whether it needs any device. The exported files say only this."""
        return self.gpus > 0

    def to_json(self) -> dict[str, int | str]:
        """Return the form that a journal entry has."""
        return self._asdict()


def checked(needs: Resources) -> Resources:
    """Return the needs if they are valid; ValueError names the wrong number."""
    for name, number in needs._asdict().items():
        if name == "pins":
            continue
        least = int(name == "cpus")
        if isinstance(number, bool) or not isinstance(number, int) or number < least:
            raise ValueError(f"{name} is {number!r}, not a whole number from {least} upwards")
    if needs.vram_mb and not needs.gpus:
        raise ValueError("vram_mb is the memory of a device, and no device is asked for")
    if not isinstance(needs.pins, str) or (needs.pins and len(needs.pinned) < needs.gpus):
        raise ValueError("pins must be at least as many devices as are asked for")
    return needs


def from_json(value: Mapping[str, Any]) -> Resources:
    """Return what `to_json` gave, or what version 1 wrote; ValueError if it makes no sense."""
    if not value.keys() & set(Resources._fields):
        return Resources(gpus=int(bool(value.get(REQUIRES_GPU))))
    return checked(Resources(**{name: value[name] for name in Resources._fields if name in value}))
