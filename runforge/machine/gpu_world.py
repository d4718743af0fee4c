"""What a look at the GPUs has shown: whose memory is on each device, and which device another queue holds.

Plain values, and what follows from them. `machine.gpu_look` reads them from NVML.
"""

from __future__ import annotations

from typing import NamedTuple

#: More foreign memory than this on a device, in MB, and somebody works there. Less is what drivers and screens take.
IDLE_MB = 300


class Owner(NamedTuple):
    """A process on a device."""

    pid: int
    name: str
    user: str
    #: None where NVML does not tell it.
    memory_mb: int | None
    #: The run and the attempt's token, as its environment says; None for others and where it cannot be read.
    run_id: str | None = None
    token: str | None = None
    #: Whether it belongs to a running attempt of this queue.
    is_ours: bool = False


class Seen(NamedTuple):
    """What one device has shown at the last look. All memory in MB."""

    uuid: str
    #: What can be allocated on it; 0 if it does not report that (unified memory, no permission).
    total_mb: int
    used_mb: int
    #: Of it, of the running attempts of this queue.
    ours_mb: int
    #: Of it, everybody else's: of other processes the highest in ten minutes.
    foreign_mb: int
    #: Whether all of this is certain. If not: no shared use, and whole use only if `is_idle`.
    is_known: bool
    owners: tuple[Owner, ...] = ()
    #: Whether NVML's pid numbers are those of this machine. In containers they may not be: memory alone decides then.
    has_pids: bool = True
    #: Who else holds its lock, in words; None if nobody does. Such a device is not free.
    held_by: str | None = None
    #: How busy it is, in percent; None if it does not report that.
    use: int | None = None
    #: The number of an error of its hardware that the driver has told since the look before.
    xid: int | None = None

    @property
    def foreign(self) -> tuple[Owner, ...]:
        """The processes that are not this queue's."""
        return tuple(owner for owner in self.owners if not owner.is_ours)

    def others_mb(self, leased_mb: int) -> int:
        """Return the memory that is not of this queue, which has leased so much of it.

        Without pids nobody knows whose memory it is: what exceeds the leases is somebody else's.
        """
        return self.foreign_mb if self.has_pids else max(0, self.used_mb - leased_mb)

    @property
    def is_idle(self) -> bool:
        """Whether a run may have the whole device, as far as NVML and the locks tell."""
        if self.held_by is not None:
            return False
        if self.total_mb == 0:
            return not self.foreign
        return max(self.others_mb(0), self.used_mb - self.ours_mb) <= IDLE_MB
