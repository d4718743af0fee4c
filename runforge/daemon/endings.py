"""From what an attempt left behind to what the journal says of it. An unknown end is no success."""

from __future__ import annotations

import signal
from pathlib import Path

from runforge import machine_faults
from runforge.attempts.report import VerdictKind
from runforge.core.outcome import Ending, ExitRecord, exit_words
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.documents.result import Result, read_result
from runforge.files.durable import read_bounded

RESULT_LIMIT = 4 * 1024 * 1024
#: Attempts that a job may lose to crashes before it fails.
MAX_LOST = 3
#: Launches that may come to nothing before the job fails.
MAX_UNSTARTED = 5
_UNSEEN = {
    VerdictKind.REBOOTED: "the machine was restarted while it ran",
    VerdictKind.FOLDER_MISSING: "the attempt's folder was deleted while it ran",
    VerdictKind.LOST: "its supervisor was killed, so how it ended is not known",
}


def from_record(record: ExitRecord, run_dir: Path) -> Ending:
    """Return how an attempt with an exit record ended."""
    if record.canceled:
        return Ending(
            State.CANCELED,
            Cause.CANCELED,
            "canceled while it was running",
            exit_code=record.exit_code,
            signal=record.signal,
        )
    if record.spawn_errno is not None and machine_faults.is_machines(record.spawn_errno):
        return postponed(record.spawn_errno)
    if record.spawn_error:
        return Ending(State.FAILED, Cause.SPAWN_FAILED, f"could not be started: {record.spawn_error}")
    if record.exit_code == 0:
        return _finished(run_dir)
    return _failed(record, run_dir)


def _finished(run_dir: Path) -> Ending:
    if not run_dir.is_dir():
        return Ending(
            State.FAILED,
            Cause.FOLDER_MISSING,
            f"the run folder {run_dir} was deleted while the run was running",
            exit_code=0,
        )
    result = _result(run_dir)
    if result is None:
        message = "it ended with exit code 0 and left no usable result.json"
        return Ending(State.FAILED, Cause.BAD_RESULT, message, exit_code=0)
    if result.status != "succeeded":
        message = result.error_message or f"result.json says {result.status}"
        return Ending(State.FAILED, Cause.BAD_RESULT, message, exit_code=0)
    return Ending(
        State.SUCCEEDED,
        Cause.EXIT,
        exit_code=0,
        metric_name=result.metric_name,
        metric_value=result.metric_value,
    )


def _failed(record: ExitRecord, run_dir: Path) -> Ending:
    if record.signal is not None:
        if record.oom:
            return Ending(
                State.FAILED,
                Cause.OOM,
                "killed by the kernel: out of memory",
                signal=record.signal,
            )
        name = signal_name(record.signal)
        return Ending(
            State.FAILED,
            Cause.SIGNAL,
            f"killed by signal {record.signal} ({name})",
            signal=record.signal,
        )
    result = _result(run_dir)
    message = result.error_message if result is not None else None
    return Ending(
        State.FAILED,
        Cause.EXIT,
        message or exit_words(record.exit_code or 0),
        exit_code=record.exit_code,
    )


def signal_name(number: int) -> str:
    """Return a signal's name, or its number as text."""
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _result(run_dir: Path) -> Result | None:
    try:
        return read_result(read_bounded(run_dir / "result.json", RESULT_LIMIT))
    except OSError:
        return None


def postponed(number: int) -> Ending:
    """Return what becomes of a job that the machine has no room for now; counts towards no limit."""
    return Ending(State.QUEUED, Cause.POSTPONED, f"could not be started yet: {machine_faults.words(number)}")


def forged() -> Ending:
    """Return the ending of an attempt whose spec somebody has changed before it started."""
    message = (
        "not started: its spec.json was changed after the daemon had written it; `retry-run` writes it anew"
    )
    return Ending(State.FAILED, Cause.LAUNCH_FAILED, message)


def from_verdict(kind: VerdictKind, job: Job, policy: str, *, unstarted: int) -> Ending:
    """Return what becomes of a job whose attempt left no record. Pure: this is where policies decide.

    `unstarted` is how many of the attempts that the job has lost never started: they cost nothing, so
    that no policy needs to stop them, and have a limit of their own.
    """
    if kind in {VerdictKind.UNCLAIMED, VerdictKind.REVOKED}:
        message = "the attempt was interrupted before it started"
        return _lost(job, Cause.LAUNCH_FAILED, "requeue", message, before=unstarted, limit=MAX_UNSTARTED)
    cause = Cause.REBOOT if kind is VerdictKind.REBOOTED else Cause.LOST
    return _lost(job, cause, policy, _UNSEEN[kind], before=job.lost - unstarted, limit=MAX_LOST)


def _lost(job: Job, cause: Cause, policy: str, message: str, *, before: int, limit: int) -> Ending:
    if job.cancel_requested:
        return Ending(State.CANCELED, Cause.CANCELED, f"canceled; {message}")
    if policy == "cancel":
        return Ending(State.CANCELED, cause, message)
    if policy == "requeue" and before + 1 < limit:
        return Ending(State.QUEUED, cause, message)
    tried = f" ({limit} attempts lost, giving up)" if policy == "requeue" else ""
    return Ending(State.FAILED, cause, message + tried)


def as_asked(ending: Ending, job: Job) -> Ending:
    """Return the ending that is written: a job that somebody has canceled meanwhile is not requeued."""
    if ending.state is State.QUEUED and job.cancel_requested:
        return Ending(State.CANCELED, Cause.CANCELED, f"canceled; {ending.error}")
    return ending
