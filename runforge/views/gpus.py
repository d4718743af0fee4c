"""The machine's GPUs for people to see: what is on each, which runs hold it, and why it gets no new one."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict, dataclass

from runforge import clock
from runforge.cells import gib
from runforge.machine import gpu_lease
from runforge.machine.gpu_look import Looker
from runforge.machine.gpu_world import Owner, Seen
from runforge.machine.gpus import Gpu, Gpus
from runforge.named import NamedTuple
from runforge.store import records
from runforge.store.journal import Transaction
from runforge.store.opening import exists, open_snapshot
from runforge.text import safe
from runforge.views.labels import label
from runforge.views.shown import job_view
from runforge.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

_MOST = 5


class Holder(NamedTuple):
    """A run of this queue that holds a device."""

    number: int
    run_id: str
    name: str
    #: What it was given of the device in MB; None for all of it, 0 for a part that nobody measures.
    vram_mb: int | None
    #: What it uses now; None if that is not known.
    used_mb: int | None


@dataclass(frozen=True, slots=True)
class GpuShown:
    """One device."""

    index: int
    uuid: str
    name: str
    memory_mb: int
    #: None if the device does not report it.
    used_mb: int | None
    use: int | None
    runs: tuple[Holder, ...] = ()
    #: The processes on it that belong to no run of this queue.
    processes: tuple[Owner, ...] = ()
    #: Who else holds its lock.
    held_by: str | None = None
    #: Since when and why it gets no new runs.
    quarantined: tuple[str, str] | None = None
    #: Whether it is certain whose memory is on it.
    is_known: bool = True
    has_pids: bool = True

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        since, reason = self.quarantined or (None, None)
        return {
            **asdict(self),
            "runs": [run._asdict() for run in self.runs],
            "processes": [_process(owner) for owner in self.processes],
            "quarantined": None if since is None else {"since": since, "reason": reason},
        }


class GpusShown(NamedTuple):
    """All devices of the machine; without any, `problem` or `absence` says why."""

    gpus: tuple[GpuShown, ...]
    #: Devices that do not answer, in words.
    refused: tuple[str, ...] = ()
    problem: str | None = None
    absence: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the record for `--json`."""
        return {**self._asdict(), "gpus": [gpu.to_json() for gpu in self.gpus]}


class _Journal(NamedTuple):
    tokens: dict[str, str]
    #: By device: the job's number, run id, name, share, and the job's id.
    held: Mapping[str, Sequence[tuple[str, Holder]]]
    quarantined: dict[str, tuple[str, str]]


_NOTHING = _Journal({}, {}, {})


def read(workspace: Workspace | None) -> GpusShown:
    """Return the devices as they are now, with the runs of a workspace."""
    if workspace is None:
        return shown(Looker().look_at_all(), _NOTHING)
    known = _journal(workspace)
    return shown(Looker(gpu_lease.queue_of(workspace.journal)).look_at_all(known.tokens), known)


def shown(found: Gpus, known: _Journal) -> GpusShown:
    """Return what is to be seen of the devices of a look."""
    gpus = [_gpu(gpu, seen, known) for gpu, seen in zip(found.usable, found.seen, strict=True)]
    refused = () if found.problem else tuple(map(str, found.refused))
    return GpusShown(tuple(gpus), refused, found.problem, found.absence)


def _gpu(gpu: Gpu, seen: Seen, known: _Journal) -> GpuShown:
    return GpuShown(
        index=gpu.index,
        uuid=gpu.uuid,
        name=gpu.name,
        memory_mb=gpu.memory_mb,
        used_mb=seen.used_mb if gpu.memory_mb else None,
        use=seen.use,
        runs=tuple(_with_use(job_id, run, seen, known) for job_id, run in known.held.get(gpu.uuid, ())),
        processes=seen.foreign,
        held_by=seen.held_by,
        quarantined=known.quarantined.get(gpu.uuid),
        is_known=seen.is_known,
        has_pids=seen.has_pids,
    )


def _with_use(job_id: str, run: Holder, seen: Seen, known: _Journal) -> Holder:
    mine = [o.memory_mb or 0 for o in seen.owners if o.token and known.tokens.get(o.token) == job_id]
    return run._replace(used_mb=sum(mine) if mine and seen.has_pids else None)


def _journal(workspace: Workspace) -> _Journal:
    if not exists(workspace):
        return _NOTHING
    with open_snapshot(workspace) as journal, journal.read() as tx:
        tokens = {row["token"]: row["job_id"] for row in tx.rows("attempts.running")}
        quarantined = {
            row["device"]: (row["since"], row["reason"]) for row in tx.rows("attempts.quarantined")
        }
        return _Journal(tokens, _held(tx), quarantined)


def _held(tx: Transaction) -> dict[str, list[tuple[str, Holder]]]:
    now, held = clock.now(), defaultdict(list)
    for row in tx.rows("attempts.grants"):
        if row["device"] is not None:
            job = job_view(records.job(tx.row("jobs.by_job_id", job_id=row["job_id"])), now)
            holder = Holder(job.number, job.run_id, label(job), row["share_mb"], None)
            held[row["device"]].append((row["job_id"], holder))
    return held


def _process(owner: Owner) -> dict[str, Any]:
    return {name: getattr(owner, name) for name in ("pid", "name", "user", "memory_mb", "run_id")}


def memory_text(gpu: GpuShown) -> str:
    """Return how much of a device's memory is used, for a cell."""
    if gpu.used_mb is None:
        return "not reported"
    return f"{gpu.used_mb / 1024:.1f} of {gib(gpu.memory_mb)}"


def held_text(gpu: GpuShown) -> str:
    """Return in one line who is on a device, and why it gets no run."""
    return "; ".join(held_parts(gpu)) or "nobody"


def held_parts(gpu: GpuShown) -> list[str]:
    """Return who is on a device, and why it gets no run: each a part of a sentence."""
    return [*lease_parts(gpu), *_few([process_text(owner) for owner in gpu.processes]), *doubt_parts(gpu)]


def lease_parts(gpu: GpuShown) -> list[str]:
    """Return which runs and queues hold a device, and whether it is quarantined."""
    parts = []
    if gpu.quarantined is not None:
        since, reason = gpu.quarantined
        parts.append(
            f"quarantined since {clock.local(since)}: {safe(reason, 200)}; `runforge gpus --release {gpu.index}`"
        )
    runs = [_run_text(run) for run in gpu.runs]
    parts += [", ".join(_few(runs))] if runs else []
    if gpu.held_by is not None:
        parts.append(f"held by {gpu.held_by}")
    return parts


def doubt_parts(gpu: GpuShown) -> list[str]:
    """Return what is not certain about a device."""
    parts = []
    if not gpu.is_known:
        parts.append("not certain whose memory it is: not shared")
    if not gpu.has_pids:
        parts.append("the driver's pids are not this machine's: memory alone decides")
    return parts


def _run_text(run: Holder) -> str:
    who = f"{run.number} {safe(run.name, 40)}"
    if run.vram_mb:
        used = "" if run.used_mb is None else f"{run.used_mb / 1024:.1f} of "
        return f"{who} ({used}{gib(run.vram_mb)})"
    return who if run.used_mb is None else f"{who} ({gib(run.used_mb)})"


def process_text(owner: Owner) -> str:
    """Return whose process it is that belongs to no run of this queue."""
    memory = "" if owner.memory_mb is None else f", {gib(owner.memory_mb)}"
    what = f"{safe(owner.user, 20)}: {safe(owner.name, 30)} (pid {owner.pid}{memory})"
    if owner.run_id is not None:
        return f"{what}, run {safe(owner.run_id, 60)} of another queue"
    return f"{what}, not RunForge's"


def _few(texts: Sequence[str]) -> list[str]:
    more = [f"{len(texts) - _MOST} more"] if len(texts) > _MOST else []
    return [*texts[:_MOST], *more]


def find(gpus: Iterable[GpuShown], text: str) -> list[GpuShown]:
    """Return the devices that an index or the beginning of a UUID names."""
    if text.isascii() and text.isdecimal():
        return [gpu for gpu in gpus if gpu.index == int(text[:9])]
    return [gpu for gpu in gpus if gpu.uuid.lower().startswith(text.lower())] if text else []
