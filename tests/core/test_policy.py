"""What happens to a job whose attempt left no record: the policies, and what counts for their limits."""

from __future__ import annotations

import errno
from types import SimpleNamespace
from typing import Any

import pytest

from runforge.core import policy
from runforge.core.outcome import Ending, ExitRecord, Finding, Report, ResultFacts
from runforge.core.policy import Act, Decision, Past
from runforge.core.states import Cause, State

LOST = (Finding.LOST, Finding.REBOOTED, Finding.FOLDER_MISSING)


def job(
    lost: int = 0, *, cancel: bool = False, on_lost: str | None = None, stop_reason: str | None = None
) -> Any:
    wishes = {"cancel_requested": cancel, "on_lost": on_lost, "stop_reason": stop_reason}
    return SimpleNamespace(lost=lost, run_dir="runs/r", **wishes)


def state(kind: Finding, orphans: str = "requeue", lost: int = 0, unstarted: int = 0) -> State:
    return ended(policy.decide(Report(kind), job(lost), orphans, Past(unstarted))).state


def ended(decision: Decision) -> Ending:
    assert decision.ending is not None
    return decision.ending


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_attempt_is_treated_by_policy_and_the_third_is_the_last(kind: Finding) -> None:
    assert [state(kind, "requeue", lost) for lost in range(4)] == [
        State.QUEUED,
        State.QUEUED,
        State.FAILED,
        State.FAILED,
    ]
    assert state(kind, "fail") is State.FAILED
    assert state(kind, "cancel") is State.CANCELED


@pytest.mark.parametrize("kind", LOST)
def test_what_a_job_says_of_its_own_loss_is_above_the_policy(kind: Finding) -> None:
    def lost(on_lost: str, count: int = 0, orphans: str = "cancel") -> Ending:
        return ended(policy.decide(Report(kind), job(count, on_lost=on_lost), orphans, Past()))

    assert (lost("fail", orphans="requeue").state, lost("requeue").state) == (State.FAILED, State.QUEUED)
    assert [lost("resume", count).state for count in (0, 2)] == [State.QUEUED, State.FAILED]
    assert [(e.state, e.is_held) for e in (lost("hold"), lost("hold", 7))] == [(State.QUEUED, True)] * 2
    assert not lost("requeue").is_held


@pytest.mark.parametrize("orphans", ["requeue", "fail", "cancel"])
def test_an_attempt_that_never_started_is_tried_again_whatever_the_policy(orphans: str) -> None:
    assert [state(Finding.REVOKED, orphans, n, n) for n in (0, 3, 4)] == [
        State.QUEUED,
        State.QUEUED,
        State.FAILED,
    ]


def test_each_kind_of_loss_has_a_limit_of_its_own() -> None:
    assert state(Finding.LOST, lost=4, unstarted=4) is State.QUEUED
    assert state(Finding.LOST, lost=6, unstarted=4) is State.FAILED
    assert state(Finding.REVOKED, lost=2, unstarted=0) is State.QUEUED


@pytest.mark.parametrize("kind", [*LOST, Finding.REVOKED])
def test_a_canceled_job_is_never_tried_again(kind: Finding) -> None:
    ending = ended(policy.decide(Report(kind), job(cancel=True), "requeue", Past()))
    assert (ending.state, ending.cause) == (State.CANCELED, Cause.CANCELED)
    again = Ending(State.QUEUED, Cause.LOST, "lost")
    assert policy.apply_cancel(again, job(cancel=True)).state is State.CANCELED
    assert policy.apply_cancel(again, job()) is again


def record(**changes: Any) -> ExitRecord:
    return ExitRecord("t", 0, None, False, False, None, "a", "b", 1, 0, 0)._replace(**changes)


GOOD = ResultFacts("succeeded", None, "acc", 0.5)


def test_what_lives_is_left_alone_and_what_nobody_claimed_is_closed_first() -> None:
    assert policy.decide(Report(Finding.LIVE), job(), "requeue", Past()) == Decision()
    assert policy.decide(Report(Finding.UNCLAIMED), job(), "requeue", Past()) == Decision((Act.REVOKE,))


def test_what_is_lost_is_killed_before_its_end_counts() -> None:
    for finding in LOST:
        acts = policy.decide(Report(finding), job(), "requeue", Past()).acts
        assert acts[0] is Act.CLEAN_UP
        assert acts[-1] is Act.LEAVE_RESULT
        assert (Act.CLOSE_MISSING in acts) == (finding is Finding.FOLDER_MISSING)


def test_a_missing_result_is_seen_to_once_before_the_end_is_told() -> None:
    report = Report(Finding.ENDED, record(), None, has_result_file=False)
    assert policy.decide(report, job(), "requeue", Past()) == Decision((Act.FINISH,))
    assert ended(policy.decide(report, job(), "requeue", Past(is_finished=True))).cause is Cause.BAD_RESULT


@pytest.mark.parametrize(
    ("seen", "result", "expected"),
    [
        (record(), GOOD, (State.SUCCEEDED, Cause.EXIT)),
        (record(), None, (State.FAILED, Cause.BAD_RESULT)),
        (record(), GOOD._replace(status="failed"), (State.FAILED, Cause.BAD_RESULT)),
        (record(exit_code=3), GOOD, (State.FAILED, Cause.EXIT)),
        (record(exit_code=None, signal=9), GOOD, (State.FAILED, Cause.SIGNAL)),
        (record(exit_code=None, signal=9, oom=True), GOOD, (State.FAILED, Cause.OOM)),
        (record(canceled=True), GOOD, (State.CANCELED, Cause.CANCELED)),
        (record(yielded=True), GOOD, (State.QUEUED, Cause.YIELDED)),
        (record(yielded=True, finished=True), GOOD, (State.SUCCEEDED, Cause.EXIT)),
        (record(yielded=True, finished=True, exit_code=3), GOOD, (State.QUEUED, Cause.YIELDED)),
        (record(yielded=True, exit_code=None, signal=9, oom=True), GOOD, (State.QUEUED, Cause.YIELDED)),
        (record(yielded=True, canceled=True), GOOD, (State.CANCELED, Cause.CANCELED)),
        (record(exit_code=85), GOOD, (State.FAILED, Cause.EXIT)),
        (record(exit_code=None, spawn_error="x"), GOOD, (State.FAILED, Cause.SPAWN_FAILED)),
        (record(exit_code=None, spawn_error="x", spawn_errno=12), GOOD, (State.QUEUED, Cause.POSTPONED)),
    ],
)
def test_an_exit_record_decides(
    seen: ExitRecord, result: ResultFacts | None, expected: tuple[State, Cause]
) -> None:
    ending = ended(policy.decide(Report(Finding.ENDED, seen, result), job(), "requeue", Past()))
    assert (ending.state, ending.cause) == expected


def test_a_deleted_run_folder_is_no_success() -> None:
    report = Report(Finding.ENDED, record(), None, has_run_dir=False, has_result_file=False)
    assert ended(policy.decide(report, job(), "requeue", Past())).cause is Cause.FOLDER_MISSING


def test_what_the_machine_refused_is_postponed_and_what_somebody_changed_is_not_run() -> None:
    refused = policy.decide(Report(Finding.REVOKED, refused=28), job(), "fail", Past())
    assert (ended(refused).cause, refused.fault) == (Cause.POSTPONED, 28)
    forged = ended(policy.decide(Report(Finding.REVOKED, is_forged=True), job(), "requeue", Past()))
    assert (forged.state, forged.cause) == (State.FAILED, Cause.LAUNCH_FAILED)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, State.SUCCEEDED),
        ({"exit_code": 3}, State.FAILED),
        ({"exit_code": None, "signal": 9}, State.FAILED),
        ({"exit_code": None, "signal": 15, "canceled": True}, State.CANCELED),
    ],
)
@pytest.mark.parametrize("value", [0.5, None])
def test_a_run_keeps_its_metric_however_it_ended(
    changes: dict[str, Any], expected: State, value: float | None
) -> None:
    facts = ResultFacts("succeeded", None, "loss", value)
    report = Report(Finding.ENDED, record(**changes), facts)
    ending = ended(policy.decide(report, job(), "requeue", Past()))
    assert (ending.state, ending.metric_name, ending.metric_value) == (expected, "loss", value)


STOPPED = '{"rule": "median", "step": 3.0, "value": 0.5, "threshold": 0.25}'


@pytest.mark.parametrize("code", [0, 1, None])
def test_a_run_that_its_rule_has_stopped_never_counts_as_succeeded(code: int | None) -> None:
    ending = policy.of_record(record(stopped=True, exit_code=code))
    assert (ending.state, ending.cause) == (State.CANCELED, Cause.STOPPED_EARLY)
    told = policy.apply_cancel(ending, job(stop_reason=STOPPED))
    assert told.error == "stopped early by median: 0.5 at step 3, against 0.25"
    both = policy.of_record(record(stopped=True, canceled=True))
    assert both.cause is Cause.CANCELED


def test_a_run_that_is_lost_while_it_is_stopped_is_not_queued_again() -> None:
    ended = policy.apply_cancel(Ending(State.QUEUED, Cause.LOST, "lost"), job(stop_reason=STOPPED))
    assert (ended.state, ended.cause) == (State.CANCELED, Cause.STOPPED_EARLY)


def test_a_run_that_was_canceled_meanwhile_is_not_queued_again() -> None:
    again = policy.postponed(errno.ENOSPC)
    assert policy.apply_cancel(again, job()) is again
    ended = policy.apply_cancel(again, job(cancel=True))
    assert (ended.state, ended.cause) == (State.CANCELED, Cause.CANCELED)
    assert ended.error == f"canceled; {again.error}"
