"""Fields that nobody reads are accepted, with a warning and a guess of the right name."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runforge.documents import doubts, known_fields
from runforge.documents.plan import parse_plan
from runforge.documents.request import parse_request
from tests.documents.kit import PLAN, REQUEST, changed, grid, plan_bytes


def told(request: dict[str, Any]) -> list[str]:
    return list(doubts.in_request(parse_request(request, where="r")))


def command(*words: str, **more: Any) -> dict[str, Any]:
    return changed(REQUEST, model={"family": "command", "command": list(words), **more})


@pytest.mark.parametrize(
    ("place", "name", "meant"),
    [
        ("", "colour", ""),
        ("", "timeout", " Did you mean 'timeout_seconds'?"),
        ("", "gpus", " Did you mean 'resources.gpus'?"),
        ("", "tag", " Did you mean 'tags'?"),
        ("", "C", " Did you mean 'model.hyperparameters.C'?"),
        ("", "hyperparameters", " Did you mean 'model.hyperparameters'?"),
        ("model", "hyper_parameters", " Did you mean 'model.hyperparameters'?"),
        ("model", "params", " Did you mean 'model.hyperparameters'?"),
        ("model", "env", ""),
        ("dataset", "seperator", " Did you mean 'dataset.separator'?"),
        ("device", "gpu-reason", " Did you mean 'device.gpu_reason'?"),
    ],
)
def test_a_field_that_nobody_reads_is_told_with_what_was_meant(place: str, name: str, meant: str) -> None:
    request = json.loads(json.dumps(REQUEST))
    (request[place] if place else request)[name] = {"C": 1}
    path = f"{place}.{name}" if place else name
    assert told(request) == [f"RunForge does not read {path}{'.' if meant else ''}{meant}"]


def test_the_fields_of_the_contract_and_of_older_clients_are_no_news() -> None:
    request = json.loads(json.dumps(REQUEST))
    request |= {"$schema": "x", "name": "n", "notes": "n", "tags": ["t"], "rerun_from": "r"}
    request |= {"sweep_group_id": "g", "grace_seconds": 3}
    request["device"]["gpu_reason"] = "user_requested_cpu"
    request["dataset"] |= {"separator": ",", "label_type": "class"}
    assert told(request) == []
    assert parse_plan(json.dumps(PLAN).encode(), where="p").doubts == ()


def test_the_dataset_of_a_command_may_hold_anything() -> None:
    request = command("true")
    request["dataset"] = {"url": "s3://bucket"}
    assert told(request) == []


class Noting(dict[str, Any]):
    """An object that notes the path of every field that it was asked for."""

    def __init__(self, value: dict[str, Any], asked: set[str], at: str = "") -> None:
        super().__init__(value)
        self.asked, self.at = asked, at

    def __contains__(self, name: object) -> bool:
        self.asked.add(f"{self.at}{name}")
        return super().__contains__(name)

    def get(self, name: str, default: Any = None) -> Any:
        self.asked.add(f"{self.at}{name}")
        return super().get(name, default)

    def __getitem__(self, name: str) -> Any:
        value = super().__getitem__(name)
        return Noting(value, self.asked, f"{self.at}{name}.") if isinstance(value, dict) else value


@pytest.mark.parametrize("request_", [REQUEST, command("true", cwd="data")], ids=["trained", "command"])
def test_every_field_that_is_read_is_known(request_: dict[str, Any]) -> None:
    asked: set[str] = set()
    parse_request(Noting(request_, asked), where="r")
    assert {"version", "model.family", "device.type"} <= asked
    assert [path for path in sorted(asked) if not known_fields.is_known(path)] == []


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"max_parallel": 3}, "RunForge does not read max_parallel. Did you mean 'execution.max_parallel'?"),
        (
            {"execution": {"max_parallel": 1, "fail_fsat": True}},
            "RunForge does not read execution.fail_fsat. Did you mean 'execution.fail_fast'?",
        ),
        (
            {"strategy": {**grid(("preset", ["fast"])), "runs": [{"notes": "a"}]}},
            "RunForge does not read strategy.runs. The strategy is 'grid'",
        ),
        (
            {
                "strategy": {
                    "type": "grid",
                    "parameters": [{"path": "preset", "values": ["fast"], "value": 1}],
                }
            },
            "RunForge does not read strategy.parameters[0].value. Did you mean 'values'?",
        ),
    ],
)
def test_a_plans_fields_too(changes: dict[str, Any], words: str) -> None:
    assert parse_plan(plan_bytes(**changes), where="p").doubts == (words,)


def test_five_are_told_and_the_rest_is_counted() -> None:
    lines = doubts.warnings([f"sentence\x1b {n}" for n in range(7)], "r.json")
    assert lines[0] == "WARNING: r.json: sentence\\x1b 0"
    assert lines[5:] == ["WARNING: r.json: and 2 more of this kind"]
