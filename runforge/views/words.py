"""The words for states and reasons, for all screens and commands."""

from __future__ import annotations

from runforge import clock
from runforge.core.waiting import waiting_reason
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.core.records import Job
    from runforge.core.scheduling import Capacity
    from runforge.place import Place
    from runforge.store.transaction import Transaction
    from runforge.views.daemon_status import DaemonStatus
    from runforge.views.kin import Relative
    from runforge.views.live_rows import LiveRow
    from runforge.workspace import Workspace

#: waiting reason -> words
WAITING = {
    "no_daemon": "no daemon is running",
    "group_paused": "its group is paused",
    "no_free_slot": "all slots are in use",
    "no_gpu_slot": "all GPU slots are in use",
    "no_cpus": "too few CPUs are free",
    "no_memory": "too little memory is free",
    "group_limit": "its group has as many runs going as it may have",
    "turn_of_others": "waiting for its group's turn",
}

#: The same in a word or two, for lists: what the job waits for.
WAITING_BRIEF = {
    "no_daemon": "daemon",
    "group_paused": "paused",
    "disk_full": "disk full",
    "read_only": "read-only disk",
    "no_free_slot": "slot",
    "no_gpu_slot": "gpu slot",
    "gpu_broken": "broken gpu",
    "turn_of_others": "next",
    "survivors": "cannot be killed",
    "stalled": "no sign of life",
    "not_before": "later",
    "held": "held",
    "dependency": "other runs",
    "group_limit": "group's limit",
    "no_cpus": "cpus",
    "no_memory": "memory",
    "slurm": "slurm",
}


#: Why a job gets no device -> words. The reason is `no_gpu_slot` for all of them.
WAITING_DETAIL = {
    "gpus_busy": "all GPUs that it could have are in use",
    "foreign": "others use the GPUs that it could have",
    "memory": "no GPU has so much memory left",
    "quarantined": "too many GPUs are in quarantine; `runforge gpus` shows why",
    "reserved": "the GPUs that it could have are kept for a run that has waited long",
}


class Waiting(NamedTuple):
    """What a job waits for, before its start or at its end: the reason's name, and its words."""

    reason: str
    text: str
    #: More exactly, for a reason that has several.
    detail: str | None = None


def free_if_live(daemon: DaemonStatus, tx: Transaction) -> Capacity | None:
    """Return what is free, which decides why runs wait; None without a daemon, for that is why then."""
    if not daemon.is_live:
        return None
    from runforge.views.free import free_capacity

    return free_capacity(daemon, tx)


def why_waiting(
    daemon: DaemonStatus,
    capacity: Capacity | None,
    job: Job | LiveRow,
    *,
    is_paused: bool,
    is_at_limit: bool = False,
    parents: Sequence[Relative] = (),
    pause_reason: str | None = None,
) -> Waiting:
    """Return why a queued job waits: first what only a person or another run can change, then what is lacking.

    Without its parents, the text says only how many there are. What is free need not be known without a daemon.
    """
    reason = waiting_reason(
        daemon_live=daemon.is_live,
        is_paused=is_paused,
        needs=job.needs,
        capacity=capacity,
        is_held=job.held,
        blockers=job.blockers,
        is_delayed=job.not_before is not None,
        is_at_limit=is_at_limit,
    )
    if reason in {"held", "dependency"}:
        return Waiting(reason, _gate_text(reason, job, parents))
    if daemon.shortage is not None and daemon.is_live and not is_paused:
        return Waiting(daemon.shortage.kind, daemon.shortage.text)
    if daemon.gpu_problem is not None and job.needs.gpus and not is_paused:
        return Waiting("gpu_broken", f"the daemon cannot use the GPUs: {daemon.gpu_problem}")
    if reason == "no_gpu_slot" and capacity is not None and capacity.devices is not None:
        return _without_device(daemon, job, capacity)
    if reason == "group_paused" and pause_reason is not None:
        return Waiting(
            reason, f"its group is paused: {pause_reason}; `runforge resume {job.group_id}` ends that"
        )
    return Waiting(reason, _later(job) if reason == "not_before" else WAITING[reason])


def _gate_text(reason: str, job: Job | LiveRow, parents: Sequence[Relative]) -> str:
    if reason == "held":
        return f"it is held; `runforge release {job.seq}` lets it start"
    return _parents_text(job, parents)


def _without_device(daemon: DaemonStatus, job: Job | LiveRow, capacity: Capacity) -> Waiting:
    from runforge.core.devices import pinned
    from runforge.core.scheduling import lacking_devices

    detail = lacking_devices(job.needs, capacity)
    aside = sum(bool(gpu.get("is_quarantined")) for gpu in daemon.gpus)
    if aside and len(pinned(job.needs, capacity.devices or ())) < job.needs.gpus:
        detail = "quarantined"
    return Waiting("no_gpu_slot", WAITING_DETAIL[detail], detail)


def _parents_text(job: Job | LiveRow, parents: Sequence[Relative]) -> str:
    if parents:
        from runforge.views.kin import waits_for

        return waits_for(parents)
    return f"waits for {'another run or group' if job.blockers == 1 else f'{job.blockers} others'}"


def _later(job: Job | LiveRow) -> str:
    """Return when a job starts, or is tried again and after what."""
    when = clock.local_and_age(job.not_before) if job.not_before else ""
    return f"{job.error}; tried again at {when}" if job.error else f"starts at {when}"


def _in_slurm(reason: str) -> str:
    return f"waits in Slurm's queue: {reason}" if reason else "waits in Slurm's queue"


def why_running(workspace: Workspace | Place, job: Job | LiveRow) -> Waiting | None:
    """Return why a run does not go on or has not ended: no sign of life, processes that cannot be killed; else None."""
    if job.state != "running":
        return None
    if job.waiting is not None:
        return Waiting("slurm", _in_slurm(job.waiting))
    from runforge.attempts import unkillable  # only what runs has such

    pids = unkillable.read(workspace.attempt_dir(job.run_id, job.attempt))
    if pids:
        return Waiting("survivors", unkillable.words(pids))
    if job.stalled_at is not None:
        return Waiting("stalled", f"no sign of life since {clock.local_and_age(job.stalled_at)}")
    return None
