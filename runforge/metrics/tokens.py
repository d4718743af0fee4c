"""The tokens that other programs match (docs/contract.md, section 8). Each has its own line.

`printed` reads the tokens that runs print.
"""

from __future__ import annotations

STAGES = (
    "STARTING",
    "LOADING_DATASET",
    "TRAINING",
    "EVALUATING",
    "WRITING_ARTIFACTS",
    "COMPLETED",
    "FAILED",
)


def stage(name: str) -> str:
    """Say that a run has entered a stage."""
    if name not in STAGES:
        raise ValueError(name)
    return f"[RF:STAGE={name}]"


def epoch(number: int, total: int) -> str:
    """Say that a run has finished an epoch."""
    return f"[RF:EPOCH={number}/{total}]"


def device(kind: str, gpu_reason: str | None = None) -> str:
    """Say which device a run uses, and why not the GPU."""
    reason = f" gpu_reason={gpu_reason}" if gpu_reason else ""
    return f"[RF:DEVICE={kind.upper()}{reason}]"


def group_enqueued(group_id: str, runs: int) -> str:
    """Say that a sweep was put into the queue."""
    return f"[RF:GROUP=ENQUEUED {group_id} runs={runs}]"


def group_paused(group_id: str) -> str:
    """Say that a group was paused."""
    return f"[RF:GROUP=PAUSED {group_id}]"


def group_resumed(group_id: str) -> str:
    """Say that a group was resumed."""
    return f"[RF:GROUP=RESUMED {group_id}]"


def group_start(group_id: str, runs: int) -> str:
    """Say that a direct sweep begins."""
    return f"[RF:GROUP=START {group_id} runs={runs}]"


def group_run(run_id: str, number: int, total: int) -> str:
    """Say that a direct sweep has started a run."""
    return f"[RF:GROUP=RUN {run_id} {number}/{total}]"


def group_run_done(run_id: str, status: str) -> str:
    """Say that a run of a direct sweep has ended."""
    return f"[RF:GROUP=RUN_DONE {run_id} status={status}]"


def group_complete(group_id: str, succeeded: int, failed: int, canceled: int) -> str:
    """Say that a direct sweep has ended."""
    return f"[RF:GROUP=COMPLETE {group_id} succeeded={succeeded} failed={failed} canceled={canceled}]"


def group_canceled(group_id: str) -> str:
    """Say that a direct sweep was canceled."""
    return f"[RF:GROUP=CANCELED {group_id}]"


def daemon_started(pid: int, max_parallel: int, gpu_slots: int) -> str:
    """Say that the daemon is up."""
    return f"[RF:DAEMON=STARTED pid={pid} max_parallel={max_parallel} gpu_slots={gpu_slots}]"


def daemon_stopped(pid: int) -> str:
    """Say that the daemon has stopped."""
    return f"[RF:DAEMON=STOPPED pid={pid}]"


def job_started(job_id: str, run_id: str, *, gpu: bool) -> str:
    """Say that the daemon has started a job."""
    return f"[RF:QUEUE=JOB_STARTED {job_id} run_id={run_id}{' gpu=true' if gpu else ''}]"


def job_done(job_id: str, run_id: str, status: str) -> str:
    """Say that a job's attempt has ended."""
    return f"[RF:QUEUE=JOB_DONE {job_id} run_id={run_id} status={status}]"
