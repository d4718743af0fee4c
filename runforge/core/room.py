"""What is free of a machine while its queue is run forward. Pure.

Each state that comes about is worked out once, by the scheduler's own rules: then a start or an end is a look-up.
"""

from __future__ import annotations

from runforge.core.scheduling import counted_cpus, place

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.resources import Resources
    from runforge.core.scheduling import Capacity

    #: What a run has: what it needs, and the UUIDs of its devices.
    Grant = tuple[Resources, tuple[str, ...]]


class Room:
    """What is free at a moment; and what is free then, when a run starts or ends."""

    __slots__ = ("_known", "_less", "_more", "capacity", "slots")

    def __init__(self, capacity: Capacity, known: dict[Capacity, Room] | None = None) -> None:
        self.capacity = capacity
        self.slots = capacity.slots
        #: All that have come about, by what is free.
        self._known = {capacity: self} if known is None else known
        self._less: dict[Resources, tuple[Room, Grant] | None] = {}
        self._more: dict[Grant, Room] = {}

    def less(self, needs: Resources) -> tuple[Room, Grant] | None:
        """Return what is left when a run has started, and what it has then; None if it cannot start now."""
        if needs not in self._less:
            granted = place(needs, self.capacity)
            if granted is None:
                self._less[needs] = None
            else:
                grant = needs, tuple(device.uuid for device in granted if device is not None)
                self._less[needs] = self._changed(grant, -1), grant
        return self._less[needs]

    def more(self, grant: Grant) -> Room:
        """Return what is free when a run has ended that had this."""
        if grant not in self._more:
            self._more[grant] = self._changed(grant, 1)
        return self._more[grant]

    def _changed(self, grant: Grant, sign: int) -> Room:
        (needs, devices), before = grant, self.capacity
        of_machine = before.devices
        if of_machine is not None and devices:
            of_machine = tuple(
                device._replace(in_use=max(0, device.in_use - sign)) if device.uuid in devices else device
                for device in of_machine
            )
        after = before._replace(
            slots=before.slots + sign,
            gpu_slots=before.gpu_slots + sign * needs.gpus,
            devices=of_machine,
            cpus=None if before.cpus is None else before.cpus + sign * counted_cpus(needs),
            mem_mb=None if before.mem_mb is None else before.mem_mb + sign * needs.mem_mb,
        )
        if after not in self._known:
            self._known[after] = Room(after, self._known)
        return self._known[after]
