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
    mended.add(Cause.TIME_LIMIT)  # a timeout, too
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


GPU = Resources(gpus=1)
PART = Resources(gpus=1, vram_mb=4000)


def test_a_device_without_memory_is_tried_once_more_by_itself_on_a_whole_one() -> None:
    again = retrying.another(job(needs=PART), failed(Cause.GPU_OOM), "t")
    assert again is not None
    assert again.is_whole
    assert again.seconds < 10
    assert retrying.another(job(needs=PART, used=again.used), failed(Cause.GPU_OOM), "t") is None
    alone = retrying.another(job(needs=GPU), failed(Cause.GPU_OOM), "t")
    assert alone is not None
    assert not alone.is_whole
    assert retrying.another(job(needs=GPU), failed(Cause.EXIT), "t") is None


def test_the_automatic_retry_is_counted_beside_those_of_rules() -> None:
    rule = Rule(2, ("exit",))
    first = retrying.another(job(rule, needs=GPU), failed(Cause.GPU_OOM), "t")
    assert first is not None
    assert json.loads(first.used) == [0, 1]
    second = retrying.another(job(rule, needs=GPU, used=first.used), failed(Cause.EXIT), "t")
    assert second is not None
    assert json.loads(second.used) == [1, 1]
    assert retrying.another(job(rule, needs=GPU, used=second.used), failed(Cause.GPU_OOM), "t") is None


def test_a_rule_for_it_takes_the_place_of_the_automatic_one() -> None:
    mine = Rule(1, ("gpu_oom",), 60.0)
    first = retrying.another(job(mine, needs=PART), failed(Cause.GPU_OOM), "t")
    assert first is not None
    assert first.seconds > 50
    assert retrying.another(job(mine, needs=PART, used=first.used), failed(Cause.GPU_OOM), "t") is None


@pytest.mark.parametrize(
    ("change", "values", "changed"),
    [
        ("batch=/2", {"batch": 32}, {"batch": 16}),
        ("batch=/2", {"batch": 3}, {"batch": 1}),
        ("batch=/2", {"batch": 1}, None),
        ("lr=*0.5", {"lr": 0.5}, {"lr": 0.25}),
        ("data.batch=/4", {"data": {"batch": 8}}, {"data.batch": 2}),
        ("batch=/2", {}, None),
        ("batch=/2", {"batch": "32"}, None),
        ("batch=/2", {"batch": True}, None),
    ],
)
def test_a_rule_halves_a_parameter_until_it_cannot_get_smaller(
    change: str, values: dict[str, Any], changed: dict[str, Any] | None
) -> None:
    ending = failed(Cause.GPU_OOM)._replace(parameters=values)
    again = retrying.another(job(Rule(2, ("gpu_oom",), 1.0, change), needs=PART), ending, "t")
    if changed is None:
        assert again is None
    else:
        assert again is not None
        assert again.changed == {f"model.hyperparameters.{name}": value for name, value in changed.items()}
        assert not again.is_whole


@pytest.mark.parametrize("text", ["batch", "batch=2", "batch=/0", "=/2", "batch=/x", "1a=/2", "batch=-1"])
def test_what_is_no_change(text: str) -> None:
    assert not retrying.is_change(text)


def test_a_change_goes_to_the_journal_and_back() -> None:
    rules = (Rule(2, ("gpu_oom",), 1.0, "batch=/2"), TWICE)
    assert retrying.from_json(retrying.to_json(rules)) == rules
    assert "change" not in json.loads(retrying.to_json((TWICE,)))[0]
