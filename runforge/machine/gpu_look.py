"""One look at the GPUs that are this process's own: which there are, and whose memory is on each.

It gives the devices (`Gpus`) with `seen`. What a device does not tell makes it uncertain and costs no other one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from functools import partial
from typing import Any, NamedTuple

from runforge.machine import gpu_lease
from runforge.machine.gpu_share import is_hidden, own_gpus, share_of_this_process
from runforge.machine.gpu_users import Listed, merged, owner
from runforge.machine.gpu_world import Owner, Seen
from runforge.machine.gpus import Gpu, Gpus, Memory, memory_of, read_all, told

_MB = 1024 * 1024
_LISTS = ("nvmlDeviceGetComputeRunningProcesses", "nvmlDeviceGetGraphicsRunningProcesses")


class _Raw(NamedTuple):
    uuid: str
    memory: Memory | None
    listed: list[Listed] | None
    use: int | None


class Looker:
    """Looks again and again, and remembers which pid numbers named nothing."""

    def __init__(self, queue: str | None = None) -> None:
        #: Which queue is looking: what its own runs hold is not held by somebody else.
        self._queue = queue
        self._unresolved: set[tuple[str, int]] = set()
        self.has_pids = True

    def look(self, tokens: Collection[str] = ()) -> Gpus:
        """Return the devices with what is on them; `tokens` are those of this queue's running attempts."""
        if is_hidden():
            return own_gpus()
        found = self.look_at_all(tokens)
        seen = {each.uuid: each for each in found.seen}
        own = share_of_this_process(found)
        return own._replace(seen=tuple(seen[gpu.uuid] for gpu in own.usable))

    def look_at_all(self, tokens: Collection[str] = ()) -> Gpus:
        """Return all devices of the machine, also those that this process may not use."""
        found, raws = read_all(_ask)
        self._check_pids(raws)
        return found._replace(seen=tuple(self._seen(raw, tokens) for raw in raws))

    def _check_pids(self, raws: Iterable[_Raw]) -> None:
        """Note whether the numbers are those of this machine: one that names nothing twice says that they are not."""
        nothing = {
            (raw.uuid, each.pid) for raw in raws for each in raw.listed or () if owner(each, ()) is None
        }
        if nothing & self._unresolved:
            self.has_pids = False
        self._unresolved = nothing

    def _seen(self, raw: _Raw, tokens: Collection[str]) -> Seen:
        memory = raw.memory or Memory(0, 0)
        owners = [owner(each, tokens) for each in raw.listed or ()]
        there = tuple(each for each in owners if each is not None)
        ours = sum(each.memory_mb or 0 for each in there if each.is_ours)
        used_mb = memory.used // _MB
        return Seen(
            uuid=raw.uuid,
            total_mb=(memory.total - memory.reserved) // _MB,
            used_mb=used_mb,
            ours_mb=ours,
            foreign_mb=max(_foreign(there), used_mb - ours),
            is_known=self._is_known(raw, owners),
            owners=there,
            has_pids=self.has_pids,
            held_by=gpu_lease.held_by(raw.uuid, self._queue),
            use=raw.use,
        )

    def _is_known(self, raw: _Raw, owners: list[Owner | None]) -> bool:
        if raw.memory is None:
            return False
        if not self.has_pids:
            return True  # memory alone decides
        if raw.listed is None:
            return False
        return all(each is not None and each.memory_mb is not None for each in owners)


def _foreign(owners: Iterable[Owner]) -> int:
    return sum(each.memory_mb or 0 for each in owners if not each.is_ours)


def _ask(nvml: Any, handle: Any, gpu: Gpu) -> _Raw:
    # Read before and after the processes, and the less counts: so a run that starts or ends between is nobody's.
    before = memory_of(nvml, handle)
    listed = _listed(nvml, handle)
    after = memory_of(nvml, handle)
    memory = min(before, after) if before and after else None
    rates = told(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    return _Raw(gpu.uuid, memory, listed, None if rates is None else told(nvml, lambda: int(rates.gpu)))


def _listed(nvml: Any, handle: Any) -> list[Listed] | None:
    """Return the processes on a device; None if it does not tell which compute there."""
    lists = [told(nvml, partial(_called, nvml, name, handle)) for name in _LISTS]
    if lists[0] is None:
        return None
    return merged(each for found in lists for each in found or ())


def _called(nvml: Any, name: str, handle: Any) -> list[Listed]:
    ask: Callable[[Any], list[Any]] = getattr(nvml, name)
    return [_process(each) for each in ask(handle)]


def _process(process: Any) -> Listed:
    memory = process.usedGpuMemory
    return Listed(int(process.pid), None if memory is None else int(memory))
