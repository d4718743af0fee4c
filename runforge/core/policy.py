"""From what is seen of an attempt to what becomes of its job. Pure: this is where policies decide.

Source of the table: docs/reliability.md, "Recovery". An unknown end is never called success.
"""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

from runforge import machine_faults
from runforge.core import exit_codes
from runforge.core.outcome import Ending, ExitRecord, Finding, Report
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.text import safe

#: Attempts that a job may lose to crashes before it fails.
MAX_LOST = 3
#: Launches that may come to nothing before the job fails.
MAX_UNSTARTED = 5
_UNSEEN = {
    Finding.REBOOTED: "the machine was restarted while it ran",
    Finding.FOLDER_MISSING: "the attempt's folder was deleted while it ran",
    Finding.LOST: "its supervisor was killed, so how it ended is not known",
    Finding.COPIED: "this workspace is a copy of the one in which it runs or has run",
}


class Act(Enum):
    """What is to be done before an ending counts."""

    #: Leave the result.json that its supervisor could not leave.
    FINISH = "finish"
    #: Close it to every supervisor that comes late.
    REVOKE = "revoke"
    #: Kill what is left of it, so that the next attempt is the only one.
    CLEAN_UP = "clean_up"
    #: Close it where its folder is missing.
    CLOSE_MISSING = "close_missing"
    #: Leave a result.json for an end that nobody has seen.
    LEAVE_RESULT = "leave_result"


class Decision(NamedTuple):
    """What is to be done, in order, and how the attempt ended then.

    Without an ending it is looked at again: at once after acts (they change what is seen), else later.
    """

    acts: tuple[Act, ...] = ()
    ending: Ending | None = None
    #: The machine's failure behind it: launches are held back until that is over.
    fault: int | None = None


class Past(NamedTuple):
    """What is known of an attempt from before the report."""

    #: How many of the attempts that the job has lost never started: they have a limit of their own.
    unstarted: int = 0
    #: The machine's failure that kept it from starting, or from being looked at.
    refused: int | None = None
    #: Its missing result.json has been seen to, as far as that could be done.
    is_finished: bool = False


def decide(report: Report, job: Job, orphans: str, past: Past) -> Decision:
    """Return what becomes of a job, by the report on its attempt and the policy for orphans."""
    if report.finding is Finding.LIVE:
        return Decision()
    if report.finding is Finding.ENDED and report.record is not None:
        if report.has_run_dir and not report.has_result_file and not past.is_finished:
            return Decision((Act.FINISH,))
        return _ended(report.record, report, job)
    if report.finding is Finding.UNCLAIMED:
        return Decision((Act.REVOKE,))
    if report.finding is Finding.REVOKED:
        return _unstarted(report, job, past)
    return _unseen(report, job, orphans, past)


def _unseen(report: Report, job: Job, orphans: str, past: Past) -> Decision:
    """Return what becomes of a job of whose attempt nobody knows how it ended, or that there never was."""
    if report.finding in {Finding.EARLIER, Finding.UNLAUNCHED}:
        act = Act.CLEAN_UP if report.finding is Finding.EARLIER else Act.CLOSE_MISSING
        return Decision((act,), _behind_an_earlier_life())
    cause = Cause.REBOOT if report.finding is Finding.REBOOTED else Cause.LOST
    message = _UNSEEN[report.finding]
    ending = _lost(job, cause, orphans, message, before=job.lost - past.unstarted, limit=MAX_LOST)
    if report.finding is Finding.COPIED:
        return Decision((Act.LEAVE_RESULT,), ending)  # what could be cleaned up is the original's
    closing = (Act.CLOSE_MISSING,) if report.finding is Finding.FOLDER_MISSING else ()
    return Decision((Act.CLEAN_UP, *closing, Act.LEAVE_RESULT), ending)


def _behind_an_earlier_life() -> Ending:
    """Return what becomes of a job whose attempt never started; it counts towards no limit."""
    message = "not started yet: files of an earlier life of the run were in its place"
    return Ending(State.QUEUED, Cause.POSTPONED, message)


def _unstarted(report: Report, job: Job, past: Past) -> Decision:
    """It costs nothing, so that no policy needs to stop it."""
    if report.is_forged:
        return Decision(ending=_forged())
    refused = past.refused or report.refused
    if refused is not None:
        return Decision(ending=postponed(refused), fault=refused)
    message = "the attempt was interrupted before it started"
    before = past.unstarted
    ending = _lost(job, Cause.LAUNCH_FAILED, "requeue", message, before=before, limit=MAX_UNSTARTED)
    return Decision(ending=ending)


def _lost(job: Job, cause: Cause, policy: str, message: str, *, before: int, limit: int) -> Ending:
    if job.cancel_requested:
        return Ending(State.CANCELED, Cause.CANCELED, f"canceled; {message}")
    if policy == "cancel":
        return Ending(State.CANCELED, cause, message)
    if policy == "requeue" and before + 1 < limit:
        return Ending(State.QUEUED, cause, message)
    tried = f" ({limit} attempts lost, giving up)" if policy == "requeue" else ""
    return Ending(State.FAILED, cause, message + tried)


def _ended(record: ExitRecord, report: Report, job: Job) -> Decision:
    if not record.canceled and record.spawn_errno is not None:
        return Decision(ending=postponed(record.spawn_errno), fault=record.spawn_errno)
    ending = _from_record(record, report, job)
    if report.result is not None:  # a run that failed or was stopped keeps its metric too
        metric = {"metric_name": report.result.metric_name, "metric_value": report.result.metric_value}
        ending = ending._replace(**metric)  # type: ignore[arg-type]
    return Decision(ending=ending)


def of_record(record: ExitRecord) -> Ending:
    """Return how an attempt ended, by its exit record alone: what result.json says is not asked."""
    if record.canceled:
        message = "canceled while it was running"
        return Ending(State.CANCELED, Cause.CANCELED, message, record.exit_code, record.signal)
    if record.spawn_error:
        message = f"could not be started: {safe(record.spawn_error)}"
        return Ending(State.FAILED, Cause.SPAWN_FAILED, message)
    if record.exit_code == 0:
        return Ending(State.SUCCEEDED, Cause.EXIT, exit_code=0)
    return _failed(record)


def _failed(record: ExitRecord) -> Ending:
    if record.oom:
        message = "killed by the kernel: out of memory"
        return Ending(State.FAILED, Cause.OOM, message, record.exit_code, record.signal)
    if record.signal is not None:
        message = f"killed by signal {record.signal} ({exit_codes.signal_name(record.signal)})"
        return Ending(State.FAILED, Cause.SIGNAL, message, signal=record.signal)
    if record.exit_code is None:
        return Ending(State.FAILED, Cause.LOST, "its process ended unseen")
    return Ending(State.FAILED, Cause.EXIT, exit_codes.words(record.exit_code), record.exit_code)


def _from_record(record: ExitRecord, report: Report, job: Job) -> Ending:
    ending = of_record(record)
    if ending.state is State.SUCCEEDED:
        return _finished(report, job)
    if ending.cause is Cause.EXIT and report.result is not None and report.result.error_message:
        return ending._replace(error=report.result.error_message)
    return ending


def _finished(report: Report, job: Job) -> Ending:
    if not report.has_run_dir:
        message = f"the run folder {job.run_dir} was deleted while the run was running"
        return Ending(State.FAILED, Cause.FOLDER_MISSING, message, exit_code=0)
    result = report.result
    if result is None:
        message = "it ended with exit code 0 and left no usable result.json"
        return Ending(State.FAILED, Cause.BAD_RESULT, message, exit_code=0)
    if result.status != "succeeded":
        message = result.error_message or f"result.json says {result.status}"
        return Ending(State.FAILED, Cause.BAD_RESULT, message, exit_code=0)
    return Ending(State.SUCCEEDED, Cause.EXIT, exit_code=0)


def postponed(number: int) -> Ending:
    """Return what becomes of a job that the machine has no room for now; counts towards no limit."""
    return Ending(State.QUEUED, Cause.POSTPONED, f"could not be started yet: {machine_faults.words(number)}")


def refused(message: str, number: int | None, cause: Cause) -> Decision:
    """Return what becomes of a job whose launch failed: postponed where the system refused something."""
    if number is not None:
        return Decision(ending=postponed(number), fault=number)
    return Decision(ending=Ending(State.FAILED, cause, message))


def _forged() -> Ending:
    message = (
        "not started: its spec.json was changed after the daemon had written it; `retry-run` writes it anew"
    )
    return Ending(State.FAILED, Cause.LAUNCH_FAILED, message)


def apply_cancel(ending: Ending, job: Job) -> Ending:
    """Return the ending that is written: a job that somebody has canceled meanwhile is not requeued."""
    if ending.state is State.QUEUED and job.cancel_requested:
        return Ending(State.CANCELED, Cause.CANCELED, f"canceled; {ending.error}")
    return ending
