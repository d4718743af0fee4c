"""A spec is the same after writing and reading; a wrong one is refused with the name of the field."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts import spec as specs
from runforge.attempts.build_spec import Place, Terms, build_spec
from runforge.attempts.spec import SpecError
from runforge.core.device import Device
from runforge.documents.request import parse_request
from runforge.machine.gpus import Gpu

GPU = Gpu(0, "GPU-1", "a card", 81920)
REQUEST: dict[str, Any] = {
    "version": 1,
    "preset": "custom",
    "model": {"family": "command", "command": ["prog", "{lr}", "\udc80"], "hyperparameters": {"lr": 0.1}},
    "device": {"type": "gpu"},
    "created_at": "2026-01-01T00:00:00.000Z",
    "created_by": "tests",
    "of_an_older_client": [1, None],
}
#: As the version before wrote it.
VERSION_1: dict[str, Any] = {
    "version": 1,
    "token": "abc",
    "run_id": "r",
    "attempt": 2,
    "workspace": "/w",
    "run_dir": "/w/.runforge/runs/r",
    "attempt_dir": "/w/.runforge/attempts/r/2",
    "target": None,
    "argv": ["prog", "0.1"],
    "finish": "runforge.training.outcome:finish",
    "preamble": ["[RF:STAGE=STARTING]"],
    "cwd": "/w",
    "env": {"A": "b"},
    "umask": 18,
    "grace_seconds": 10.0,
    "log_limit_bytes": 134217728,
    "echo": False,
    "payload": {
        "request": REQUEST,
        "grant": {
            "gpus": 1,
            "gpu": {"index": 0, "uuid": "GPU-1", "name": "a card", "memory_mb": 81920},
            "reason": None,
        },
        "dry_run_seconds": None,
        "max_rows": None,
        "objective": {"metric": "loss", "direction": "minimize"},
        "threads": 4,
    },
}


def made(request: dict[str, Any] = REQUEST, **terms: Any) -> specs.Spec:
    place = Place("r", 2, "abc", Path("/w"), Path("/w/r"), Path("/w/a/2"))
    given = {"gpus": 1, "devices": (GPU,), "threads": 4, "objective": ("loss", "minimize"), **terms}
    return build_spec(parse_request(request, where="tests"), place, Terms(**given))


@pytest.mark.parametrize(
    "terms", [{}, {"devices": (), "objective": None}, {"dry_run_seconds": 0.0, "max_rows": 7}]
)
def test_what_is_written_is_read(terms: dict[str, Any]) -> None:
    spec = made(**terms)
    assert specs.from_json(spec.to_json()) == spec
    assert spec.is_command == ("dry_run_seconds" not in terms)


def test_the_device_is_decided_when_the_spec_is_built() -> None:
    assert made().payload.device == Device("gpu")
    without = made(devices=())
    assert without.payload.device == Device("cpu", "gpu_slot_unavailable")
    assert without.env["RUNFORGE_DEVICE"] == "cpu"
    assert "[RF:DEVICE=CPU gpu_reason=gpu_slot_unavailable]" in without.preamble


@pytest.mark.parametrize(
    ("asked", "given"), [({}, 10.0), ({"grace_seconds": 0}, 0.0), ({"grace_seconds": 90.5}, 90.5)]
)
def test_the_grace_is_the_requests(asked: dict[str, Any], given: float) -> None:
    assert made({**REQUEST, **asked}).grace_seconds == given


def test_a_run_sees_the_devices_that_it_was_given_and_no_others() -> None:
    other = Gpu(1, "GPU-2", "a card", 81920)
    given = made(gpus=3, devices=(GPU, other))
    assert given.env["CUDA_VISIBLE_DEVICES"] == "GPU-1,GPU-2"
    assert specs.from_json(given.to_json()).payload.grant.devices == (GPU, other)
    assert (
        json.loads(given.to_json())["payload"]["grant"]["gpu"]["uuid"] == "GPU-1"
    )  # all that version 1 knew
    assert made(gpus=3, devices=()).env["CUDA_VISIBLE_DEVICES"] == ""
    asks_for_none = {**REQUEST, "device": {"type": "cpu"}}
    for number in (0, 3):
        assert made(asks_for_none, gpus=number, devices=()).env["CUDA_VISIBLE_DEVICES"] == ""
    assert "CUDA_VISIBLE_DEVICES" not in made(gpus=0, devices=()).env  # CUDA may see what NVML does not


def test_a_spec_of_the_version_before_is_read() -> None:
    spec = specs.from_json(json.dumps(VERSION_1).encode())
    assert (spec.token, spec.attempt, spec.argv) == ("abc", 2, ("prog", "0.1"))
    assert spec.payload.request == REQUEST
    assert spec.payload.grant.devices == (GPU,)
    assert spec.payload.device == Device("gpu")
    assert spec.payload.objective == ("loss", "minimize")


def test_the_version_before_could_read_this_one() -> None:
    """An older daemon can inspect attempts that this version has launched."""
    document = json.loads(made().to_json())
    assert set(document) >= set(VERSION_1)
    assert set(document["payload"]) >= set(VERSION_1["payload"])


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "Expecting value"),
        (b"\xff\xfe", "is not a valid spec"),
        (b"[" * 100_000, "is not a valid spec"),
        (b"[]", "must be an object"),
        (b"{}", "version is missing"),
    ],
)
def test_what_is_no_document_is_refused(data: bytes, words: str) -> None:
    with pytest.raises(SpecError, match=words):
        specs.from_json(data)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("version", 4, "version is 4; this RunForge reads 1 to 3"),
        ("version", True, "version must be a whole number"),
        ("token", None, "token must be a text"),
        ("attempt", -1, "attempt must be at least 0"),
        ("run_dir", "runs/r", "run_dir must be an absolute path"),
        ("argv", [], "exactly one of argv and target"),
        ("argv", None, "exactly one of argv and target"),
        ("target", "a:b", "exactly one of argv and target"),
        ("argv", ["a", 1], "argv must be a list of texts"),
        ("env", {"A": 1}, "env must be an object of texts"),
        ("grace_seconds", "10", "grace_seconds must be a number"),
        ("grace_seconds", float("nan"), "grace_seconds must be a number"),
        ("grace_seconds", 10**400, "grace_seconds must be a number"),
        ("echo", 1, "echo must be true or false"),
        ("payload.request", [], "payload.request must be an object"),
        ("payload.grant.gpu.uuid", 1, "payload.grant.gpu.uuid must be a text"),
        ("payload.grant.devices", [{"index": 0}], "payload.grant.devices.0.uuid is missing"),
        ("payload.grant.devices", {}, "payload.grant.devices must be a list of objects"),
        ("payload.objective.metric", None, "payload.objective.metric must be a text"),
        ("payload.request.device", "gpu", "payload.request.device must be an object"),
    ],
)
def test_a_wrong_field_is_named(path: str, value: object, words: str) -> None:
    document = json.loads(json.dumps(VERSION_1))
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    place[last] = value
    with pytest.raises(SpecError, match=words):
        specs.from_json(json.dumps(document).encode())


@pytest.mark.parametrize("name", sorted(VERSION_1))
def test_a_missing_field_is_refused(name: str) -> None:
    document = {key: value for key, value in VERSION_1.items() if key != name}
    if name in {"target", "finish"}:
        assert specs.from_json(json.dumps(document).encode())
        return
    with pytest.raises(SpecError, match=name):
        specs.from_json(json.dumps(document).encode())
