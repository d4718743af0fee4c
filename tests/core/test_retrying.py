"""Which failures are tried again by themselves, how often, and when."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runforge.core import retrying
from runforge.core.outcome import Ending
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.core.retrying import Rule
from runforge.core.states import Cause, State

TWICE = Rule(2)


def job(*rules: Rule, used: str = "[]", **changes: Any) -> Job:
    plain = Job(
        1, "j", "r", None, 1, ".", 0, State.RUNNING, Resources(), 1, 0, False, None, "{}", "", "", None, None,
        None, None, None, retry_rules=retrying.to_json(rules), retries_used=used,
    )  # fmt: skip
    return plain._replace(**changes)


def failed(cause: Cause) -> Ending:
    return Ending(State.FAILED, cause, "why")


@pytest.mark.parametrize("cause", list(Cause))
def test_only_failures_of_the_run_itself_are_tried_again(cause: Cause) -> None:
    everything = Rule(1, retrying.CAUSES)
    mended = {Cause.EXIT, Cause.SIGNAL, Cause.OOM, Cause.GPU_OOM, Cause.TIMEOUT, Cause.LOST, Cause.REBOOT}
    assert (retrying.another(job(everything), failed(cause), "t") is not None) == (cause in mended)
    usual = {Cause.EXIT, Cause.SIGNAL, Cause.OOM, Cause.GPU_OOM}
    assert (retrying.another(job(TWICE), failed(cause), "t") is not None) == (cause in usual)


@pytest.mark.parametrize("state", [State.SUCCEEDED, State.CANCELED, State.QUEUED])
def test_what_has_not_failed_is_not_tried_again(state: State) -> None:
    assert retrying.another(job(TWICE), Ending(state, Cause.EXIT), "t") is None


def test_a_cancel_wins() -> None:
    assert retrying.another(job(TWICE, cancel_requested=True), failed(Cause.EXIT), "t") is None


def test_the_first_rule_that_names_the_cause_decides_and_each_counts_its_own_uses() -> None:
    rules = (Rule(1, ("oom",)), Rule(2, ("exit", "oom")))
    used, seen = "[]", []
    for cause in (Cause.EXIT, Cause.OOM, Cause.OOM, Cause.EXIT, Cause.EXIT):
        again = retrying.another(job(*rules, used=used), failed(cause), "t")
        seen.append(again is not None)
        used = again.used if again is not None else used
    assert seen == [True, True, False, True, False]
    assert json.loads(used) == [1, 2]
    assert retrying.another(job(TWICE, used=used), failed(Cause.EXIT), "t") is not None  # edited: one use


@given(uses=st.integers(0, 10_000), token=st.text(), backoff=st.floats(0.1, 1000))
def test_the_wait_doubles_up_to_an_hour_and_is_the_same_for_the_same_attempt(
    uses: int, token: str, backoff: float
) -> None:
    seconds = retrying.delay(backoff, uses, token)
    even = min(3600.0, backoff * 2 ** min(uses, 30))
    assert 0.899 * even <= seconds <= 1.101 * even
    assert seconds == retrying.delay(backoff, uses, token)


def test_runs_that_failed_together_start_apart() -> None:
    assert len({round(retrying.delay(30, 0, f"token-{number}"), 3) for number in range(20)}) == 20


def test_rules_are_read_as_a_request_may_have_them() -> None:
    rules = (Rule(3, ("exit", "timeout"), 5.0), TWICE)
    assert retrying.from_json(retrying.to_json(rules)) == rules
    assert retrying.from_json('[{"times": 2}]') == (TWICE,)
