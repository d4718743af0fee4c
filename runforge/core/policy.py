"""Decides what happens to a job, from the report on its attempt. Pure: all policies are here.

The table is in docs/reliability.md, "Recovery". An unknown end never counts as success.
"""

from __future__ import annotations

from enum import Enum

from runforge import machine_faults
from runforge.core import exit_codes, terminated, yielding
from runforge.core.outcome import Ending, ExitRecord, Finding, GpuFault, Report
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.named import NamedTuple
from runforge.text import safe

#: How many attempts a job may lose to crashes before it fails.
MAX_LOST = 3
#: How many launches may fail before the job fails.
MAX_UNSTARTED = 5
CANCELED = "canceled while it was running"
_STOPPED = "stopped early by its sweep's rule"
#: All that is known of an attempt that ended unseen.
KILLED = "its supervisor was killed, so how it ended is not known"
_UNSEEN = {
    Finding.REBOOTED: "the machine was restarted while it ran",
    Finding.FOLDER_MISSING: "the attempt's folder was deleted while it ran",
    Finding.LOST: KILLED,
    Finding.COPIED: "this workspace is a copy of the one in which it runs or has run",
}


class Act(Enum):
    """What the daemon must do before an ending counts."""

    #: Write the result.json that its supervisor could not write.
    FINISH = "finish"
    #: Close it to late supervisors.
    REVOKE = "revoke"
    #: Kill what is left of it, so that only the next attempt runs.
    CLEAN_UP = "clean_up"
    #: Close it although its folder is missing.
    CLOSE_MISSING = "close_missing"
    #: Write a result.json for an unknown end.
    LEAVE_RESULT = "leave_result"


class Decision(NamedTuple):
    """What to do, in order, and how the attempt ended then.

    Without an ending the attempt is inspected again: at once if there were acts, because they change the
    report; otherwise later.
    """

    acts: tuple[Act, ...] = ()
    ending: Ending | None = None
    #: The machine's failure that caused it. No launches until it is over.
    fault: int | None = None


class Past(NamedTuple):
    """What was known about an attempt before the report."""

    #: How many of the job's lost attempts never started. They have their own limit.
    unstarted: int = 0
    #: The machine's failure that kept it from starting, or from being inspected.
    refused: int | None = None
    #: Its missing result.json was written, or it was tried.
    is_finished: bool = False


def decide(report: Report, job: Job, orphans: str, past: Past) -> Decision:
    """Return what happens to a job, from the report on its attempt and the policy for orphans."""
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
    """Return what happens to a job whose attempt has an unknown end or never existed."""
    if report.finding in {Finding.EARLIER, Finding.UNLAUNCHED}:
        act = Act.CLEAN_UP if report.finding is Finding.EARLIER else Act.CLOSE_MISSING
        return Decision((act,), _behind_an_earlier_life())
    cause = Cause.REBOOT if report.finding is Finding.REBOOTED else Cause.LOST
    message = _UNSEEN[report.finding]
    policy = job.on_lost or orphans
    ending = _lost(job, cause, policy, message, before=job.lost - past.unstarted, limit=MAX_LOST)
    if report.finding is Finding.COPIED:
        return Decision((Act.LEAVE_RESULT,), ending)  # only the original could be cleaned up
    closing = (Act.CLOSE_MISSING,) if report.finding is Finding.FOLDER_MISSING else ()
    return Decision((Act.CLEAN_UP, *closing, Act.LEAVE_RESULT), ending)


def _behind_an_earlier_life() -> Ending:
    """Return what happens to a job whose attempt never started. It counts for no limit."""
    message = "not started yet: files of an earlier life of the run were in its place"
    return Ending(State.QUEUED, Cause.POSTPONED, message)


def _unstarted(report: Report, job: Job, past: Past) -> Decision:
    """Requeue an attempt that never started. This costs nothing, so every policy allows it."""
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
    if policy == "hold":
        return Ending(State.QUEUED, cause, f"{message}; held", is_held=True)
    is_again = policy in {"requeue", "resume"}
    if is_again and before + 1 < limit:
        return Ending(State.QUEUED, cause, message)
    tried = f" ({limit} attempts lost, giving up)" if is_again else ""
    return Ending(State.FAILED, cause, message + tried)


def _ended(record: ExitRecord, report: Report, job: Job) -> Decision:
    if not record.canceled and record.spawn_errno is not None:
        return Decision(ending=postponed(record.spawn_errno), fault=record.spawn_errno)
    ending = _from_record(record, report, job)
    if report.result is not None:  # failed and stopped runs keep their metric too
        metric = {"metric_name": report.result.metric_name, "metric_value": report.result.metric_value}
        ending = ending._replace(**metric)  # type: ignore[arg-type]
    return Decision(ending=ending)


def of_record(record: ExitRecord) -> Ending:
    """Return how an attempt ended, by its exit record alone: what result.json says is not asked."""
    if record.canceled or record.stopped or record.terminated:
        return _asked_to_end(record)
    if record.spawn_error:
        message = f"could not be started: {safe(record.spawn_error)}"
        return Ending(State.FAILED, Cause.SPAWN_FAILED, message)
    late = time_limit(record.timed_out) if record.timed_out is not None else None
    late = stall(record.stalled) if record.stalled is not None else late
    if late is not None:
        return Ending(State.FAILED, Cause.TIMEOUT, late, record.exit_code, record.signal)
    if record.yielded and not (record.finished and record.exit_code == 0):
        return yielding.ending_of(record)
    if record.exit_code == 0:
        return Ending(State.SUCCEEDED, Cause.EXIT, exit_code=0)
    return _failed(record)


def _asked_to_end(record: ExitRecord) -> Ending:
    if record.terminated:
        return terminated.ending(None, record.said) or terminated.CANCELED
    asked = (Cause.CANCELED, CANCELED) if record.canceled else (Cause.STOPPED_EARLY, _STOPPED)
    return Ending(State.CANCELED, *asked, record.exit_code, record.signal)


def time_limit(seconds: float) -> str:
    """Return why a run was ended that has taken too long."""
    return f"time limit of {_exactly(seconds)} reached"


def stall(seconds: float) -> str:
    """Return why a run was ended that did nothing."""
    return f"no sign of life for {_exactly(seconds)}"


def _exactly(seconds: float) -> str:
    """Return a time without its empty units: 1h, 1h30m, 90.5s."""
    if seconds != int(seconds):
        return f"{seconds:g}s"
    left, parts = int(seconds), []
    for name, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        if left >= size:
            parts.append(f"{left // size}{name}")
            left %= size
    return "".join(parts) or "0s"


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
    if report.gpu_fault is not None and job.needs.gpus and ending.cause in {Cause.EXIT, Cause.SIGNAL}:
        return _at_its_device(ending, report)
    told = report.result.error_message if report.result is not None else None
    if ending.cause is Cause.EXIT and told and told != ending.error:
        return ending._replace(error=told)
    return ending._replace(error=f"{ending.error}{_last_words(ending, report.last_line)}")


def _at_its_device(ending: Ending, report: Report) -> Ending:
    """Return the ending of a run whose log ends with its device's failure, or with its memory's end."""
    said = f": {report.last_line}" if report.last_line else ""
    if report.gpu_fault is GpuFault.DEVICE:
        return ending._replace(error=f"its GPU failed{said}", device_failed=True)
    return ending._replace(
        cause=Cause.GPU_OOM, error=f"out of GPU memory{said}", parameters=report.parameters
    )


def _last_words(ending: Ending, last_line: str | None) -> str:
    """Return what the log says of a failure that the program itself has met."""
    if not last_line or ending.cause not in {Cause.EXIT, Cause.SIGNAL}:
        return ""
    number = ending.signal or exit_codes.signal_in(ending.exit_code or 0)
    if number is None:
        return f": {last_line}"
    return f"; last line: {last_line}" if exit_codes.signal_name(number) in exit_codes.OWN_FAULTS else ""


def _finished(report: Report, job: Job) -> Ending:
    if not report.has_run_dir:
        message = f"the run folder {job.run_dir} was deleted while the run was running"
        return Ending(State.FAILED, Cause.FOLDER_MISSING, message, exit_code=0)
    result = report.result
    if result is None:
        message = "exit code 0, but there is no usable result.json"
        return Ending(State.FAILED, Cause.BAD_RESULT, message, exit_code=0)
    if result.status != "succeeded":
        message = result.error_message or f"result.json says {result.status}"
        return Ending(State.FAILED, Cause.BAD_RESULT, message, exit_code=0)
    return Ending(State.SUCCEEDED, Cause.EXIT, exit_code=0)


def postponed(number: int) -> Ending:
    """Return what happens to a job that the machine cannot run now. It counts for no limit."""
    return Ending(State.QUEUED, Cause.POSTPONED, f"could not be started yet: {machine_faults.words(number)}")


def refused(message: str, number: int | None, cause: Cause) -> Decision:
    """Return what happens to a job whose launch failed. It is postponed if the system refused something."""
    if number is not None:
        return Decision(ending=postponed(number), fault=number)
    return Decision(ending=Ending(State.FAILED, cause, message))


def _forged() -> Ending:
    message = (
        "not started: its spec.json was changed after the daemon had written it; `retry-run` writes it again"
    )
    return Ending(State.FAILED, Cause.LAUNCH_FAILED, message)


def apply_cancel(ending: Ending, job: Job) -> Ending:
    """Return the ending to write. A job that was canceled or stopped meanwhile is not requeued."""
    if ending.state is State.QUEUED and job.cancel_requested:
        return Ending(State.CANCELED, Cause.CANCELED, f"canceled; {ending.error}")
    if job.stop_reason is None:
        return ending
    from runforge.core import stop_rules  # few runs need it

    if ending.cause is Cause.STOPPED_EARLY:
        return ending._replace(error=stop_rules.words(job.stop_reason))
    if ending.state is State.QUEUED:
        words = f"{stop_rules.words(job.stop_reason)}; {ending.error}"
        return Ending(State.CANCELED, Cause.STOPPED_EARLY, words)
    return ending
