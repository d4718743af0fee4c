"""What becomes of a job whose attempt left no record: the policies, and what counts towards their limits."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from runforge.attempts.exit_record import ExitRecord
from runforge.attempts.report import VerdictKind
from runforge.core.outcome import Ending
from runforge.core.states import Cause, State
from runforge.daemon import endings
from runforge.documents.result import build_result, encode

LOST = (VerdictKind.LOST, VerdictKind.REBOOTED, VerdictKind.FOLDER_MISSING)
UNSTARTED = (VerdictKind.UNCLAIMED, VerdictKind.REVOKED)


def job(lost: int = 0, *, cancel: bool = False) -> Any:
    return SimpleNamespace(lost=lost, cancel_requested=cancel)


def state(kind: VerdictKind, policy: str = "requeue", lost: int = 0, unstarted: int = 0) -> State:
    return endings.from_verdict(kind, job(lost), policy, unstarted=unstarted).state


@pytest.mark.parametrize("kind", LOST)
def test_a_lost_attempt_is_treated_by_policy_and_the_third_is_the_last(kind: VerdictKind) -> None:
    assert [state(kind, "requeue", lost) for lost in range(4)] == [
        State.QUEUED,
        State.QUEUED,
        State.FAILED,
        State.FAILED,
    ]
    assert state(kind, "fail") is State.FAILED
    assert state(kind, "cancel") is State.CANCELED


@pytest.mark.parametrize("kind", UNSTARTED)
@pytest.mark.parametrize("policy", ["requeue", "fail", "cancel"])
def test_an_attempt_that_never_started_is_tried_again_whatever_the_policy(
    kind: VerdictKind, policy: str
) -> None:
    assert [state(kind, policy, n, n) for n in (0, 3, 4)] == [State.QUEUED, State.QUEUED, State.FAILED]


def test_each_kind_of_loss_has_a_limit_of_its_own() -> None:
    assert state(VerdictKind.LOST, lost=4, unstarted=4) is State.QUEUED
    assert state(VerdictKind.LOST, lost=6, unstarted=4) is State.FAILED
    assert state(VerdictKind.UNCLAIMED, lost=2, unstarted=0) is State.QUEUED


@pytest.mark.parametrize("kind", [*LOST, *UNSTARTED])
def test_a_canceled_job_is_never_tried_again(kind: VerdictKind) -> None:
    ending = endings.from_verdict(kind, job(cancel=True), "requeue", unstarted=0)
    assert (ending.state, ending.cause) == (State.CANCELED, Cause.CANCELED)
    again = Ending(State.QUEUED, Cause.LOST, "lost")
    assert endings.as_asked(again, job(cancel=True)).state is State.CANCELED
    assert endings.as_asked(again, job()) is again


@pytest.mark.parametrize(
    ("changes", "state"),
    [
        ({}, State.SUCCEEDED),
        ({"exit_code": 3}, State.FAILED),
        ({"exit_code": None, "signal": 9}, State.FAILED),
        ({"exit_code": None, "signal": 15, "canceled": True}, State.CANCELED),
    ],
)
@pytest.mark.parametrize("value", [0.5, float("nan")])
def test_a_run_keeps_its_metric_however_it_ended(
    tmp_path: Path, changes: dict[str, Any], state: State, value: float
) -> None:
    document = build_result(
        status="succeeded",
        started_at="",
        finished_at="",
        duration_ms=1,
        effective_config=None,
        primary_metric=("loss", value),
        metrics={"loss": value},
    )
    (tmp_path / "result.json").write_bytes(encode(document))
    told = {"exit_code": 0, "signal": None, "canceled": False, **changes}
    record = ExitRecord(
        token="",
        oom=False,
        spawn_error=None,
        started_at="",
        finished_at="",
        duration_ms=1,
        log_bytes=0,
        dropped_bytes=0,
        **told,
    )
    ending = endings.from_record(record, tmp_path)
    expected = 0.5 if value == 0.5 else None
    assert (ending.state, ending.metric_name, ending.metric_value) == (state, "loss", expected)
