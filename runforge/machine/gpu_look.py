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
from runforge.machine.gpu_world import IDLE_MB, Owner, Seen
from runforge.machine.gpu_xid import Xids
from runforge.machine.gpus import Gpu, Gpus, Memory, memory_of, read_all, told

_MB = 1024 * 1024
_COMPUTING = "nvmlDeviceGetComputeRunningProcesses"
_DRAWING = "nvmlDeviceGetGraphicsRunningProcesses"
#: The errors that mean that no device of this machine lists its processes.
_NEVER = {"NVMLError_NotSupported", "NVMLError_FunctionNotFound"}


class _Raw(NamedTuple):
    uuid: str
    memory: Memory | None
    #: None if it refuses to tell them.
    listed: list[Listed] | None
    use: int | None
    #: Whether this kind of machine tells them at all.
    is_listable: bool = True


class Looker:
    """Looks again and again, and remembers which pid numbers named nothing."""

    def __init__(self, queue: str | None = None, xids: Xids | None = None) -> None:
        #: Which queue is looking: what its own runs hold is not held by somebody else.
        self._queue = queue
        self._xids = xids
        self._unresolved: set[tuple[str, int]] = set()
        self.has_pids = True

    def look(self, tokens: Collection[str] = ()) -> Gpus:
        """Return the devices with what is on them; `tokens` are those of this queue's running attempts."""
        if is_hidden():
            return own_gpus()
        found = self.look_at_all(tokens)
        errors = self._xids.take() if self._xids is not None and found.usable else {}
        seen = {each.uuid: each._replace(xid=errors.get(each.uuid)) for each in found.seen}
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
        # Memory and nobody who has it: in a container that hides the others, and sometimes all.
        is_hidden = raw.listed == [] and used_mb > IDLE_MB
        has_pids = self.has_pids and raw.is_listable and not is_hidden
        return Seen(
            uuid=raw.uuid,
            total_mb=(memory.total - memory.reserved) // _MB,
            used_mb=used_mb,
            ours_mb=ours,
            foreign_mb=max(_foreign(there), used_mb - ours),
            is_known=raw.memory is not None and (not has_pids or _are_all_known(raw, owners)),
            owners=there,
            has_pids=has_pids,
            held_by=gpu_lease.held_by(raw.uuid, self._queue),
            use=raw.use,
        )


def _are_all_known(raw: _Raw, owners: list[Owner | None]) -> bool:
    return raw.listed is not None and all(o is not None and o.memory_mb is not None for o in owners)


def _foreign(owners: Iterable[Owner]) -> int:
    return sum(each.memory_mb or 0 for each in owners if not each.is_ours)


def _ask(nvml: Any, handle: Any, gpu: Gpu) -> _Raw:
    # Read before and after the processes, and the less counts: so a run that starts or ends between is nobody's.
    before = memory_of(nvml, handle)
    is_listable, listed = _listed(nvml, handle)
    after = memory_of(nvml, handle)
    memory = min(before, after) if before and after else None
    rates = told(nvml, lambda: nvml.nvmlDeviceGetUtilizationRates(handle))
    use = None if rates is None else told(nvml, lambda: int(rates.gpu))
    return _Raw(gpu.uuid, memory, listed, use, is_listable)


def _listed(nvml: Any, handle: Any) -> tuple[bool, list[Listed] | None]:
    """Return whether processes can be listed here, and those on the device; None if it does not tell them."""
    try:
        computing = _called(nvml, _COMPUTING, handle)
    except nvml.NVMLError as error:
        return type(error).__name__ not in _NEVER, None
    except (AttributeError, TypeError, ValueError):
        return True, None
    drawing = told(nvml, partial(_called, nvml, _DRAWING, handle)) or []
    return True, merged([*computing, *drawing])


def _called(nvml: Any, name: str, handle: Any) -> list[Listed]:
    ask: Callable[[Any], list[Any]] = getattr(nvml, name)
    return [_process(each) for each in ask(handle)]


def _process(process: Any) -> Listed:
    memory = process.usedGpuMemory
    return Listed(int(process.pid), None if memory is None else int(memory))
