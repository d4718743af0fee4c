"""Documents from outside: what is accepted, and one clear line for everything else."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runforge.documents import strict_json
from runforge.documents.hyperparameters import FAMILIES, PRESETS, effective
from runforge.documents.plan import parse_plan
from runforge.documents.request import parse_request
from runforge.documents.result import build_result, encode, read_result
from runforge.errors import InvalidPlan, InvalidRequest, RunForgeError
from tests.documents.kit import REQUEST, changed, grid, plan_bytes

BAD_JSON = {
    "not_json": (b"{", "not JSON"),
    "a_list": (b"[]", "it is a list, not an object"),
    "nan": (b'{"a": NaN}', "NaN"),
    "infinite": (b'{"a": 1e999}', "too large"),
    "duplicate": (b'{"a": 1, "a": 2}', "appears twice"),
    "deep": (b'{"a":' * 50_000 + b"1" + b"}" * 50_000, "nested deeper"),
    "huge": (b'{"a": "' + b"x" * (9 * 2**20) + b'"}', "larger than"),
    "huge_integer": (b'{"a": ' + b"9" * 40 + b"}", "64 bits"),
    "surrogate": (b'{"a": "\\ud800"}', "surrogate"),
    "nul": (b'{"a": "\\u0000"}', "NUL"),
    "latin1": (b'{"a": "\xe9"}', "UTF-8"),
}


@pytest.mark.parametrize("case", BAD_JSON)
def test_json_that_is_refused(case: str) -> None:
    data, words = BAD_JSON[case]
    with pytest.raises(InvalidPlan, match=words) as caught:
        parse_plan(data, where="plan.json")
    assert str(caught.value).startswith("plan.json: ")
    assert "\n" not in str(caught.value)


def search(parameter: dict[str, Any]) -> dict[str, Any]:
    return {"type": "random", "number": 3, "parameters": [{"path": "model.hyperparameters.C", **parameter}]}


BAD_PLANS = {
    "version": ({"version": 2}, "version"),
    "boolean_version": ({"version": True}, "version"),
    "kind": ({"kind": "plan"}, "kind"),
    "no_group": ({"group": None}, "group"),
    "strategy": ({"strategy": {"type": "rnd"}}, "known are grid, list, random, tpe"),
    "no_number": ({"strategy": {"type": "random"}}, "strategy.number: is missing"),
    "repeat": ({"strategy": {**grid(("preset", ["fast"])), "repeat": 0}}, "strategy.repeat"),
    "ends": ({"strategy": search({"low": 2, "high": 1})}, r"parameters\[0\].high: must be above low"),
    "half": ({"strategy": search({"low": 2})}, r"parameters\[0\].high: is missing"),
    "log_of_0": ({"strategy": search({"low": 0, "high": 1, "scale": "log"})}, "low: must be above 0"),
    "scale": ({"strategy": search({"low": 0, "high": 1, "scale": "lg"})}, "scale: 'lg' is unknown"),
    "both": ({"strategy": search({"low": 0, "high": 1, "values": [1]})}, "cannot stand beside"),
    "endless": ({"strategy": search({"low": 0, "high": "1e9"})}, "must be a number"),
    "seed": ({"strategy": {**search({"low": 0, "high": 1}), "seed": 2**32}}, "strategy.seed"),
    "tpe": ({"strategy": {**search({"low": 0, "high": 1}), "type": "tpe"}}, "objective: is missing; TPE"),
    "empty_grid": ({"strategy": grid()}, "strategy.parameters: is empty"),
    "empty_values": ({"strategy": grid(("preset", []))}, r"strategy.parameters\[0\].values"),
    "parallel_0": ({"execution": {"max_parallel": 0}}, "execution.max_parallel"),
    "objective": ({"objective": {"metric": "loss", "direction": "up"}}, "objective.direction"),
}


@pytest.mark.parametrize("case", BAD_PLANS)
def test_plans_that_are_refused_name_the_field(case: str) -> None:
    changes, words = BAD_PLANS[case]
    with pytest.raises(InvalidPlan, match=words):
        parse_plan(plan_bytes(**changes), where="plan.json")


@pytest.mark.parametrize("grace", [-1, 3601, True, "10", float("nan")])
def test_a_grace_that_is_none_is_refused(grace: object) -> None:
    with pytest.raises(InvalidRequest, match="grace_seconds"):
        parse_request(changed(REQUEST, grace_seconds=grace), where="request.json")


def test_every_problem_of_a_request_is_in_one_line() -> None:
    with pytest.raises(InvalidRequest, match=r"^r.json: preset: .*and 2 more: model.family, device.type"):
        parse_request(
            changed(REQUEST, preset="quick", model={"family": "tree"}, device={"type": "tpu"}), where="r.json"
        )


def test_unknown_fields_are_kept() -> None:
    assert parse_request(changed(REQUEST, later="on"), where="r").raw["later"] == "on"


@pytest.mark.parametrize("family", [f for f in FAMILIES if f != "command"])
def test_presets_mean_something_and_custom_takes_only_the_users(family: str) -> None:
    values = [json.dumps(effective(family, preset, {}), sort_keys=True) for preset in PRESETS]
    assert len(set(values)) == len(PRESETS)
    assert effective(family, "custom", {"seed": 7}) == {"random_state": 7}


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(),
        lambda c: st.lists(c) | st.dictionaries(st.text(), c),
    )
)
def test_whatever_json_says_it_is_read_or_refused(value: Any) -> None:
    try:
        data = json.dumps({"a": value}).encode()
        parsed = strict_json.parse(data, what="text", limit=2**20, error=InvalidRequest)
    except RunForgeError:
        return
    assert json.loads(strict_json.dump(parsed)) == parsed


def test_results_are_read_with_care() -> None:
    good = build_result(
        status="succeeded",
        started_at="a",
        finished_at="b",
        duration_ms=-5,
        effective_config=None,
        primary_metric=("loss", 0.5),
    )
    read = read_result(encode(good))
    assert read is not None
    assert (read.status, read.metric_name, read.metric_value) == ("succeeded", "loss", 0.5)
    assert good["duration_ms"] == 0
    assert read_result(b"[]") is None
    assert read_result(b'{"version": 1, "status": "great"}') is None
    assert read_result(encode(good).replace(b"0.5", b"NaN")) is None
