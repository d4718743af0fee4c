"""The words for states and reasons, for all screens and commands."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from runforge.attempts import unkillable
from runforge.core.scheduling import Capacity, waiting_reason
from runforge.core.states import State

if TYPE_CHECKING:
    from runforge.core.records import Job
    from runforge.views.daemon_status import DaemonStatus
    from runforge.workspace import Workspace

#: waiting reason -> words
WAITING = {
    "no_daemon": "no daemon is running",
    "group_paused": "its group is paused",
    "no_free_slot": "all slots are in use",
    "no_gpu_slot": "all GPU slots are in use",
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
    "not_before": "tried again",
}


class Waiting(NamedTuple):
    """What a job waits for, before its start or at its end: the reason's name, and its words."""

    reason: str
    text: str


def why_waiting(daemon: DaemonStatus, capacity: Capacity, job: Job, *, is_paused: bool) -> Waiting:
    """Return why a queued job waits; what the machine lacks holds it back first."""
    if daemon.shortage is not None and daemon.is_live and not is_paused:
        return Waiting(daemon.shortage.kind, daemon.shortage.text)
    if daemon.gpu_problem is not None and job.needs.gpus and not is_paused:
        return Waiting("gpu_broken", f"the daemon cannot use the GPUs: {daemon.gpu_problem}")
    reason = waiting_reason(
        daemon_live=daemon.is_live, is_paused=is_paused, needs=job.needs, capacity=capacity
    )
    if job.not_before is not None and reason not in {"no_daemon", "group_paused"}:
        return Waiting("not_before", f"{job.error or 'delayed'}; tried again at {job.not_before}")
    return Waiting(reason, WAITING[reason])


def why_running(workspace: Workspace, job: Job) -> Waiting | None:
    """Return why a lost run has not ended: processes that cannot be killed; else None."""
    if job.state is not State.RUNNING:
        return None
    pids = unkillable.read(workspace.attempt_dir(job.run_id, job.attempt))
    return Waiting("survivors", unkillable.words(pids)) if pids else None
