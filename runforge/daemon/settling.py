"""From an attempt that may have ended to its ending: look, decide, act. The same at a restart and later.

The look is the backend's, the decision `core.policy`'s; here the acts are carried out, in order.
"""

from __future__ import annotations

from collections.abc import Callable

from runforge import failpoints
from runforge.backends.base import Backend, Closing
from runforge.core.outcome import Report
from runforge.core.policy import Act, Decision, Past
from runforge.core.records import Job
from runforge.daemon.attempt_table import RunningAttempt

#: A report, the job, the policy for orphans and the past, to what is to be done (`core.policy.decide`).
Decide = Callable[[Report, Job, str, Past], Decision]
#: How often an attempt is looked at again because an act has changed what is seen.
_LOOKS = 3


def settle(backend: Backend, running: RunningAttempt, orphans: str, decide: Decide) -> Decision | None:
    """Return how the attempt ended, or None while it has not, or while that cannot be told yet.

    Raises OSError where the machine lets nothing be seen or done now.
    """
    for _ in range(_LOOKS):
        report = backend.inspect(running.ref)
        decision = decide(report, running.job, orphans, running.past)
        if not all(_do(backend, running, act, report, decision) for act in decision.acts):
            return None
        if decision.ending is not None:
            return decision
        if not decision.acts:
            return None
    return None


def _do(backend: Backend, running: RunningAttempt, act: Act, report: Report, decision: Decision) -> bool:
    """Carry out an act; False if it has to wait, or if somebody else was quicker."""
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
