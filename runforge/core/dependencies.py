"""What a job waits for, and whether that still can come. Pure: an edge and its parent in, the verdict out."""

from __future__ import annotations

from runforge.choices import Choice
from runforge.core.records import Group, Job
from runforge.core.states import TERMINAL, Cause, State
from runforge.named import NamedTuple

RUN, GROUP = "run", "group"
#: Every error of a job that was canceled because of a parent begins so.
NOT_STARTED = "not started: "


class Condition(Choice):
    """How a parent must end."""

    OK = "ok"
    #: Any end, once it had started.
    ANY = "any"
    FAIL = "fail"


class Parent(NamedTuple):
    """A run or a group that a job waits for: its job id or group id, and how it must end."""

    kind: str
    id: str
    condition: str = "ok"


def run_holds(condition: str, state: State, *, had_started: bool) -> bool | None:
    """Return whether a run has ended as asked; None while it has not ended."""
    if state not in TERMINAL:
        return None
    if condition == Condition.OK:
        return state is State.SUCCEEDED
    return state is State.FAILED if condition == Condition.FAIL else had_started


def group_holds(condition: str, *, is_over: bool, total: int, succeeded: int, failed: int) -> bool | None:
    """Return the same for a group: it counts once it has settled, and an open one has not."""
    if not is_over:
        return None
    if condition == Condition.OK:
        return succeeded == total
    return failed > 0 if condition == Condition.FAIL else True


def holds(condition: str, parent: Job | Group) -> bool | None:
    """Return whether a parent has ended as asked; None while it has not ended."""
    if isinstance(parent, Job):
        return run_holds(condition, parent.state, had_started=parent.started_at is not None)
    is_over = parent.finished_at is not None
    counts = {"total": parent.total, "succeeded": parent.succeeded + parent.stopped, "failed": parent.failed}
    return group_holds(condition, is_over=is_over, **counts)


def called(parent: Job) -> str:
    """Return what a person calls a run: its number, and its name if it has one."""
    return f"run {parent.seq} ({parent.name})" if parent.name else f"run {parent.seq}"


def why_not_run(condition: str, parent: Job) -> str:
    """Return in words why an ended run does not meet a condition."""
    if parent.state is State.SUCCEEDED:
        return f"{called(parent)} succeeded, and only its failure was waited for"
    if parent.state is State.FAILED:
        return f"{called(parent)} failed"
    before = " before it started" if condition == Condition.ANY else ""
    return f"{called(parent)} was canceled{before}"


def why_not_group(condition: str, parent: Group) -> str:
    """Return in words why a settled group does not meet a condition."""
    if condition == Condition.FAIL:
        return f"no run of group {parent.name} failed"
    counts = {"failed": parent.failed, "canceled": parent.canceled}
    told = " and ".join(f"{number} {state}" for state, number in counts.items() if number)
    return f"of the {parent.total} runs of group {parent.name}, {told}"


def reason(condition: str, parent: Job | Group) -> str:
    """Return the error of a job that cannot start because of this parent.

    Where the parent itself was not started, it is the reason of that: what failed first is told to all.
    """
    if isinstance(parent, Group):
        return NOT_STARTED + why_not_group(condition, parent)
    if parent.cause == Cause.DEPENDENCY and parent.error:
        return parent.error
    return NOT_STARTED + why_not_run(condition, parent)
