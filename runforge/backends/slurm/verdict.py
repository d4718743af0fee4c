"""Decides what happens to a job whose attempt was Slurm's, from the report on it. Pure.

What the attempt's own record says counts, whatever Slurm says; without one Slurm's word does. The table is in
docs/slurm.md. All else is `core.policy`'s.
"""

from __future__ import annotations

from runforge.backends.slurm.listing import OVER
from runforge.core import policy, terminated
from runforge.core.outcome import Ending, Finding, Report, Scheduled
from runforge.core.policy import Act, Decision, Past
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.text import safe

#: The node has failed, not the run.
NODE_LOST = frozenset({"NODE_FAIL", "BOOT_FAIL"})
#: What the cause of a run's end means if it is its pilot's.
_PILOTS_END = {
    Cause.TIME_LIMIT: "was at its time limit",
    Cause.OOM: "was out of memory",
    Cause.CANCELED: "was canceled in Slurm",
}


def decide(report: Report, job: Job, orphans: str, past: Past) -> Decision:
    """Return what happens to a job, from the report on its attempt and the policy for orphans."""
    told = report.scheduled or Scheduled()
    if report.finding is Finding.ENDED and report.record is not None and report.record.terminated:
        return _terminated(report, told, job, orphans, past)
    if report.record is not None and report.record.canceled and told.is_fenced and not job.cancel_requested:
        return policy.decide(Report(Finding.LOST), job, orphans, past)
    if report.finding is Finding.REVOKED and report.refused is None and not report.is_forged:
        return _never_began(told, job, past)
    if report.finding is Finding.LOST and told.is_pilot:
        return _with_its_pilot(told, told.said, job, orphans, past)
    if report.finding is Finding.LOST:
        ending = terminated.ending(told.state, told.said)
        if ending is not None and not (ending is terminated.CANCELED and told.is_fenced):
            return Decision((Act.LEAVE_RESULT,), ending)
    return policy.decide(report, job, orphans, past)


def _terminated(report: Report, told: Scheduled, job: Job, orphans: str, past: Past) -> Decision:
    """Return what happens to a run that Slurm has ended: why, Slurm alone knows, and perhaps only later."""
    if job.cancel_requested:  # by a person here; Slurm was told too
        return Decision((Act.LEAVE_RESULT,), Ending(State.CANCELED, Cause.CANCELED, policy.CANCELED))
    said = report.record.said if report.record is not None else None
    if told.is_pilot:
        is_known = terminated.ending(told.state, said) is not None or told.is_final
        return _with_its_pilot(told, said, job, orphans, past) if is_known else Decision()
    ending = terminated.ending(told.state, said)
    if ending is terminated.CANCELED and told.is_fenced:  # by this daemon, because it was out of sight
        return policy.decide(Report(Finding.LOST), job, orphans, past)
    # A controller that was killed ends the jobs that it has forgotten, and this is called canceled too; but it lists them
    # no more, while it lists what somebody has canceled.
    is_hearsay = ending is terminated.CANCELED and told.state is None
    if ending is not None and not (is_hearsay and (told.is_unlisted or not told.is_final)):
        return Decision((Act.LEAVE_RESULT,), ending)
    if not told.is_final and not (is_hearsay and told.is_unlisted):
        return Decision()
    # Nobody says why: a node that was shut down, or an administrator's signal. The run is not to blame.
    return policy.decide(Report(Finding.LOST), job, orphans, past)


def _with_its_pilot(told: Scheduled, said: str | None, job: Job, orphans: str, past: Past) -> Decision:
    """Return what happens to a run that has ended with the pilot in which it ran: it is not to blame.

    Whoever canceled the pilot, or gave it too little time or memory, has not meant this run.
    """
    ending = terminated.ending(told.state, said)
    if ending is terminated.PREEMPTED:
        return Decision((Act.CLEAN_UP, Act.LEAVE_RESULT), ending)
    decision = policy.decide(Report(Finding.LOST), job, orphans, past)
    lost = decision.ending
    if lost is None or lost.error is None or (ending is None and told.state not in OVER):
        return decision  # its supervisor alone was killed
    if ending is not None:
        why = _PILOTS_END[ending.cause]
    else:
        why = "was on a node that failed" if told.state in NODE_LOST else f"has ended ({told.state})"
    error = lost.error.replace(policy.KILLED, f"the pilot in which it ran {why}")
    return decision._replace(ending=lost._replace(error=error))


def _never_began(told: Scheduled, job: Job, past: Past) -> Decision:
    """Return what happens to a run whose attempt Slurm has ended before it began, or has never had."""
    if told.is_withdrawn:
        return Decision(
            ending=Ending(State.QUEUED, Cause.POSTPONED, "not begun: taken back from Slurm's queue")
        )
    if told.state is None or told.state in NODE_LOST:
        why = "Slurm does not have it any more" if told.state is None else f"its node failed ({told.state})"
        return Decision(ending=Ending(State.QUEUED, Cause.POSTPONED, f"not begun: {why}"))
    if told.state == "CANCELLED" and not told.node:
        return Decision(ending=terminated.CANCELED)
    ending = terminated.ending(told.state, told.said, has_begun=False)
    if ending is not None:
        return Decision(ending=ending)
    decision = policy.decide(Report(Finding.REVOKED), job, "requeue", past)
    if decision.ending is None or decision.ending.cause is not Cause.LAUNCH_FAILED:
        return decision
    said = f": {safe(told.said)}" if told.said else ""
    error = f"{decision.ending.error}; Slurm says {told.state}{said}"
    return decision._replace(ending=decision.ending._replace(error=error))
