"""What becomes of a job whose attempt was Slurm's: the table of docs/slurm.md, row by row."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runforge.backends.slurm.verdict import decide
from runforge.core import policy
from runforge.core.outcome import Ending, ExitRecord, Finding, Report, ResultFacts, Scheduled
from runforge.core.policy import Act, Decision, Past
from runforge.core.states import Cause, State

GOOD = ResultFacts("succeeded", None, None, None)
TIME = "slurmstepd: error: *** JOB 3 ON n1 CANCELLED AT 2026-11-26T16:00:00 DUE TO TIME LIMIT ***"
PREEMPTION = "slurmstepd: error: *** JOB 3 ON n1 CANCELLED AT 2026-11-26T16:00:00 DUE TO PREEMPTION ***"
PLAIN = "slurmstepd: error: *** JOB 3 ON n1 CANCELLED AT 2026-11-26T16:00:00 ***"
MEMORY = "slurmstepd: error: Job 3 exceeded memory limit (200 > 100), being killed"


def job(*, lost: int = 0, cancel: bool = False) -> Any:
    return SimpleNamespace(
        lost=lost, run_dir="runs/r", cancel_requested=cancel, on_lost=None, stop_reason=None
    )


def record(**changes: Any) -> ExitRecord:
    return ExitRecord("t", None, 15, False, False, None, "a", "b", 1, 0, 0)._replace(**changes)


def of(
    finding: Finding, told: Scheduled, *, unstarted: int = 0, orphans: str = "requeue", **wishes: Any
) -> Decision:
    return decide(Report(finding, scheduled=told), job(**wishes), orphans, Past(unstarted))


def ended(decision: Decision) -> Ending:
    assert decision.ending is not None
    return decision.ending


def terminated(
    state: str | None, said: str | None = None, *, is_final: bool = False, **changes: Any
) -> Decision:
    report = Report(
        Finding.ENDED,
        record(terminated=True, said=said, **changes),
        GOOD,
        scheduled=Scheduled(state, is_final=is_final),
    )
    return decide(report, job(), "requeue", Past())


@pytest.mark.parametrize("state", ["NODE_FAIL", "CANCELLED", "FAILED", "TIMEOUT", None])
def test_a_record_that_nobody_cut_short_counts_whatever_slurm_says(state: str | None) -> None:
    report = Report(Finding.ENDED, record(exit_code=0, signal=None), GOOD, scheduled=Scheduled(state, "n1"))
    ending = ended(decide(report, job(), "requeue", Past()))
    assert (ending.state, ending.cause) == (State.SUCCEEDED, Cause.EXIT)


@pytest.mark.parametrize(
    ("state", "said", "wanted"),
    [
        ("TIMEOUT", None, (State.FAILED, Cause.TIME_LIMIT)),
        ("DEADLINE", None, (State.FAILED, Cause.TIME_LIMIT)),
        (None, TIME, (State.FAILED, Cause.TIME_LIMIT)),
        ("COMPLETING", TIME, (State.FAILED, Cause.TIME_LIMIT)),
        ("PREEMPTED", None, (State.QUEUED, Cause.PREEMPTED)),
        ("RUNNING", PREEMPTION, (State.QUEUED, Cause.PREEMPTED)),
        ("CANCELLED", None, (State.CANCELED, Cause.CANCELED)),
        ("CANCELLED", PLAIN, (State.CANCELED, Cause.CANCELED)),
        ("OUT_OF_MEMORY", None, (State.FAILED, Cause.OOM)),
        ("FAILED", MEMORY, (State.FAILED, Cause.OOM)),
    ],
)
def test_a_run_that_slurm_has_ended_ends_as_slurm_says(
    state: str | None, said: str | None, wanted: Any
) -> None:
    decision = terminated(state, said)
    assert (ended(decision).state, ended(decision).cause) == wanted
    assert decision.acts == (Act.LEAVE_RESULT,)
    begun = Scheduled(state, "n1", said)
    if state is not None or said in {TIME, PREEMPTION, MEMORY}:
        without_a_record = of(Finding.LOST, begun)
        assert (ended(without_a_record).state, ended(without_a_record).cause) == wanted


def test_what_a_person_canceled_and_its_supervisor_saw_too_late_is_canceled_by_that_person() -> None:
    report = Report(Finding.ENDED, record(terminated=True, said=PLAIN), GOOD, scheduled=Scheduled())
    ending = ended(decide(report, job(cancel=True), "requeue", Past()))
    assert (ending.state, ending.error) == (State.CANCELED, policy.CANCELED)


def test_a_job_that_a_killed_controller_forgot_and_ended_is_not_a_canceled_one() -> None:
    report = Report(Finding.ENDED, record(terminated=True, said=PLAIN), GOOD)
    waits = report._replace(scheduled=Scheduled(None, is_final=False))
    assert decide(waits, job(), "requeue", Past()) == Decision()
    unlisted = report._replace(scheduled=Scheduled(None, is_unlisted=True))
    ending = ended(decide(unlisted, job(), "requeue", Past()))
    assert (ending.state, ending.cause) == (State.QUEUED, Cause.LOST)
    # So long ago that Slurm would not list it in any case: somebody has canceled it.
    forgotten = report._replace(scheduled=Scheduled(None))
    assert ended(decide(forgotten, job(), "requeue", Past())).cause is Cause.CANCELED


def test_what_slurm_has_not_said_yet_is_waited_for_and_then_nobody_is_blamed() -> None:
    assert terminated("COMPLETING") == Decision()
    ending = ended(terminated("COMPLETING", is_final=True))
    assert (ending.state, ending.cause) == (State.QUEUED, Cause.LOST)


def test_what_a_person_has_canceled_is_canceled_although_slurm_has_ended_it_too() -> None:
    report = Report(Finding.ENDED, record(canceled=True), GOOD, scheduled=Scheduled("CANCELLED", "n1"))
    ending = ended(decide(report, job(cancel=True), "requeue", Past()))
    assert (ending.state, ending.cause) == (State.CANCELED, Cause.CANCELED)


def test_a_run_that_was_fenced_is_no_canceled_one() -> None:
    report = Report(
        Finding.ENDED, record(canceled=True), GOOD, scheduled=Scheduled("NODE_FAIL", "n1", is_fenced=True)
    )
    ending = ended(decide(report, job(), "requeue", Past()))
    assert (ending.state, ending.cause) == (State.QUEUED, Cause.LOST)
    assert ended(decide(report, job(), "fail", Past())).state is State.FAILED


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (Scheduled("TIMEOUT"), (State.FAILED, Cause.TIME_LIMIT)),
        (Scheduled("PREEMPTED", "n1"), (State.QUEUED, Cause.PREEMPTED)),
        (Scheduled("NODE_FAIL", "n1"), (State.QUEUED, Cause.POSTPONED)),
        (Scheduled("BOOT_FAIL", "n1"), (State.QUEUED, Cause.POSTPONED)),
        (Scheduled("OUT_OF_MEMORY", "n1"), (State.FAILED, Cause.OOM)),
        (Scheduled("FAILED", "n1", MEMORY), (State.FAILED, Cause.OOM)),
        (Scheduled("CANCELLED"), (State.CANCELED, Cause.CANCELED)),
        (Scheduled("CANCELLED", "n1"), (State.QUEUED, Cause.LAUNCH_FAILED)),
        (Scheduled("FAILED", "n1", "python: not found"), (State.QUEUED, Cause.LAUNCH_FAILED)),
        (Scheduled("COMPLETED", "n1"), (State.QUEUED, Cause.LAUNCH_FAILED)),
        (Scheduled(None), (State.QUEUED, Cause.POSTPONED)),
        (Scheduled("PENDING", is_withdrawn=True), (State.QUEUED, Cause.POSTPONED)),
        (Scheduled("CANCELLED", is_withdrawn=True), (State.QUEUED, Cause.POSTPONED)),
    ],
)
def test_what_never_began(told: Scheduled, wanted: Any) -> None:
    ending = ended(of(Finding.REVOKED, told))
    assert (ending.state, ending.cause) == wanted


def test_what_cannot_be_launched_is_tried_five_times_and_says_what_the_node_said() -> None:
    told = Scheduled("FAILED", "n1", "python: not found")
    assert [ended(of(Finding.REVOKED, told, lost=n, unstarted=n)).state for n in (3, 4)] == [
        State.QUEUED,
        State.FAILED,
    ]
    assert "Slurm says FAILED: python: not found" in (ended(of(Finding.REVOKED, told)).error or "")


@pytest.mark.parametrize("state", ["NODE_FAIL", "BOOT_FAIL", "FAILED", "COMPLETED", None])
def test_what_began_and_left_nothing_is_ended_for_sure_before_the_policy_decides(state: str | None) -> None:
    decision = of(Finding.LOST, Scheduled(state, "n1"))
    assert decision.acts == (Act.CLEAN_UP, Act.LEAVE_RESULT)
    assert (ended(decision).state, ended(decision).cause) == (State.QUEUED, Cause.LOST)
    assert ended(of(Finding.LOST, Scheduled(state, "n1"), lost=2)).state is State.FAILED
    assert ended(of(Finding.LOST, Scheduled(state, "n1"), orphans="cancel")).state is State.CANCELED


@pytest.mark.parametrize("state", ["PENDING", "RUNNING", "SUSPENDED", "COMPLETING", None])
def test_what_may_live_is_left_alone(state: str | None) -> None:
    assert of(Finding.LIVE, Scheduled(state)) == Decision()


def test_what_can_still_begin_is_closed_first() -> None:
    assert of(Finding.UNCLAIMED, Scheduled("FAILED", "n1")).acts == (Act.REVOKE,)


PILOT = Scheduled("CANCELLED", "n1", is_pilot=True)


@pytest.mark.parametrize(
    ("told", "said", "why"),
    [
        (PILOT, None, "was canceled in Slurm"),
        (PILOT._replace(state="TIMEOUT"), None, "was at its time limit"),
        (PILOT._replace(state="RUNNING"), TIME, "was at its time limit"),
        (PILOT._replace(state="OUT_OF_MEMORY"), None, "was out of memory"),
        (PILOT._replace(state="NODE_FAIL"), None, "was on a node that failed"),
        (PILOT._replace(state="FAILED"), None, "has ended (FAILED)"),
    ],
)
def test_a_run_is_not_to_blame_for_its_pilots_end(told: Scheduled, said: str | None, why: str) -> None:
    for report in (
        Report(Finding.LOST, scheduled=told._replace(said=said)),
        Report(Finding.ENDED, record(terminated=True, said=said), GOOD, scheduled=told),
    ):
        found = decide(report, job(), "requeue", Past())
        assert (ended(found).state, ended(found).cause) == (State.QUEUED, Cause.LOST)
        assert ended(found).error == f"the pilot in which it ran {why}"
        assert Act.CLEAN_UP in found.acts
        assert ended(decide(report, job(), "fail", Past())).state is State.FAILED
        assert ended(decide(report, job(cancel=True), "requeue", Past())).state is State.CANCELED


def test_a_pilot_that_is_preempted_costs_its_runs_no_chance() -> None:
    found = of(Finding.LOST, PILOT._replace(state="PREEMPTED"))
    assert (ended(found).state, ended(found).cause) == (State.QUEUED, Cause.PREEMPTED)


def test_in_a_pilot_that_goes_on_a_supervisor_alone_was_killed() -> None:
    found = of(Finding.LOST, PILOT._replace(state="RUNNING"))
    assert (ended(found).cause, ended(found).error) == (Cause.LOST, policy.KILLED)


def test_why_a_pilot_wants_a_run_to_end_is_waited_for() -> None:
    told = PILOT._replace(state="RUNNING", is_final=False)
    report = Report(Finding.ENDED, record(terminated=True), GOOD, scheduled=told)
    assert decide(report, job(), "requeue", Past()) == Decision()


def test_what_was_fenced_is_canceled_by_nobody() -> None:
    told = Scheduled("CANCELLED", "n1", is_fenced=True)
    report = Report(Finding.ENDED, record(terminated=True, said=PLAIN), GOOD, scheduled=told)
    for decision in (decide(report, job(), "requeue", Past()), of(Finding.LOST, told)):
        assert decision.ending is None or decision.ending.cause is Cause.LOST
    assert ended(of(Finding.LOST, told._replace(is_fenced=False))).cause is Cause.CANCELED
