"""From an attempt that may have ended to its ending: inspect, decide, act; at a restart and later.

The backend inspects, `core.policy` decides, and this module carries out the acts in order.
"""

from __future__ import annotations

from collections.abc import Callable

from runforge import failpoints
from runforge.backends.base import Backend, Closing
from runforge.core.outcome import Report
from runforge.core.policy import Act, Decision, Past
from runforge.core.records import Job
from runforge.daemon.attempt_table import RunningAttempt

#: Decides from the report, the job, the orphan policy and the past (`core.policy.decide`).
Decide = Callable[[Report, Job, str, Past], Decision]
#: How often an attempt is inspected again because an act has changed its report.
_LOOKS = 3


def settle(backend: Backend, running: RunningAttempt, orphans: str, decide: Decide) -> Decision | None:
    """Return how the attempt ended; None while it runs, or while its end is not known yet.

    Raises OSError if nothing can be read or done now.
    """
    for _ in range(_LOOKS):
        report = backend.inspect(running.ref)
        running.record = report.record
        running.told = report.told
        decision = decide(report, running.job, orphans, running.past)
        if not all(_do(backend, running, act, report, decision) for act in decision.acts):
            return None
        if decision.ending is not None:
            return decision
        if not decision.acts:
            return None
    return None


def _do(backend: Backend, running: RunningAttempt, act: Act, report: Report, decision: Decision) -> bool:
    """Carry out an act; False if it must wait, or if another process was faster."""
    ref, job = running.ref, running.job
    if act is Act.REVOKE:
        is_done = backend.close_attempt(ref, job, Closing.REVOKE)
        failpoints.hit("lost.revoked")
    elif act is Act.CLEAN_UP:
        is_done = backend.clean_up(ref)
        failpoints.hit("lost.swept")
    elif act is Act.CLOSE_MISSING:
        is_done = backend.close_attempt(ref, job, Closing.MISSING)
        failpoints.hit("lost.closed")
    elif act is Act.FINISH and report.record is not None:
        backend.finish(ref, report.record)
        running.note(is_finished=True)
        is_done = True
    else:
        if decision.ending is not None:
            backend.leave_result(ref, job, decision.ending)
        is_done = True
        failpoints.hit("lost.result_left")
    return is_done
