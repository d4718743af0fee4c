"""The optional fields of a request: what is read, and what is refused with the field's name."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.core.resources import Resources
from runforge.core.retrying import Rule
from runforge.documents.request import Request, parse_request
from runforge.documents.request_options import EnvironmentRef, Objective, is_learned
from runforge.errors import InvalidRequest
from tests.documents.kit import REQUEST, changed

DIGEST = "0123456789abcdef" * 4
COMMAND = {"family": "command", "command": ["true"]}


def parsed(**changes: Any) -> Request:
    return parse_request(changed(REQUEST, **changes), where="r.json")


def test_without_them_a_run_needs_one_core_and_has_no_limit() -> None:
    made = parsed()
    assert made.needs == Resources()
    assert (made.timeout_seconds, made.environment, made.retry, made.objective) == (None, None, (), None)
    assert (made.name, made.tags, made.notes, made.folder, made.is_shell) == (None, (), None, None, False)


def test_each_of_them_is_read() -> None:
    made = parsed(
        model={**COMMAND, "folder": "/tmp"},
        device={"type": "gpu"},
        resources={"cpus": 4, "gpus": 2, "vram_mb": 8000, "mem_mb": 16000},
        timeout_seconds=5400,
        environment={"id": DIGEST, "from": "/home/me/.env", "secrets": ["HF_TOKEN"]},
        retry=[{"times": 3}, {"times": 1, "causes": ["oom", "timeout"], "backoff_seconds": 0}],
        objective={"metric": "val/loss", "direction": "minimize"},
        name="resnet",
        tags=["paper", "v2"],
        notes="once more",
    )
    assert made.needs == Resources(cpus=4, gpus=2, vram_mb=8000, mem_mb=16000)
    assert made.timeout_seconds == 5400.0
    assert made.environment == EnvironmentRef(DIGEST, "/home/me/.env", ("HF_TOKEN",))
    usual = Rule(3, ("exit", "signal", "oom", "gpu_oom"), 30.0)
    assert made.retry == (usual, Rule(1, ("oom", "timeout"), 0.0))
    assert made.objective == Objective("val/loss", "minimize")
    assert (made.name, made.tags, made.notes, made.folder) == ("resnet", ("paper", "v2"), "once more", "/tmp")


def test_a_device_of_type_gpu_means_one_gpu() -> None:
    assert parsed(device={"type": "gpu"}).needs.gpus == 1
    assert parsed(device={"type": "gpu"}, resources={"cpus": 2}).needs == Resources(cpus=2, gpus=1)


def test_devices_and_learned_memory_are_read() -> None:
    made = parsed(
        device={"type": "gpu"},
        resources={"vram_mb": "learned", "devices": ["GPU-b", "MIG-a/1/0"]},
        retry=[{"times": 2, "causes": ["gpu_oom"], "change": "batch=/2"}],
    )
    assert made.needs == Resources(gpus=1, pins="GPU-b,MIG-a/1/0")
    assert is_learned(made.raw["resources"])
    assert made.retry == (Rule(2, ("gpu_oom",), 30.0, "batch=/2"),)


BAD: list[tuple[dict[str, Any], str]] = [
    ({"resources": {"gpus": 1}}, "resources.gpus: 1 needs device.type 'gpu', not 'cpu'"),
    ({"resources": {"gpus": 0}, "device": {"type": "gpu"}}, "resources.gpus: 0 needs device.type 'cpu'"),
    ({"resources": {"vram_mb": 10}}, "resources.vram_mb: is the memory of a GPU"),
    ({"resources": {"vram_mb": "learned"}}, "resources.vram_mb: is the memory of a GPU"),
    ({"resources": {"vram_mb": "10G"}, "device": {"type": "gpu"}}, "resources.vram_mb: must be an integer"),
    ({"resources": {"devices": ["GPU-1"]}}, "resources.devices: are GPUs, and the run asks for none"),
    (
        {"resources": {"gpus": 2, "devices": ["GPU-1"]}, "device": {"type": "gpu"}},
        "resources.devices: are too few for 2 GPUs",
    ),
    ({"resources": {"devices": ["0"]}, "device": {"type": "gpu"}}, "resources.devices: '0' is no UUID"),
    ({"resources": {"devices": ["GPU-1,GPU-2"]}, "device": {"type": "gpu"}}, "is no UUID of a GPU"),
    ({"retry": [{"times": 1, "change": "batch=/2"}]}, r"retry\[0\].change: must be like batch=/2"),
    ({"retry": [{"times": 1, "causes": ["gpu_oom"], "change": "x"}]}, r"retry\[0\].change: must be like"),
    ({"resources": {"cpus": 0}}, "resources.cpus: must be at least 1"),
    ({"resources": {"mem_mb": "10G"}}, "resources.mem_mb: must be an integer"),
    ({"resources": 3}, "resources: must be an object"),
    ({"timeout_seconds": 0}, "timeout_seconds: must be more than 0"),
    ({"timeout_seconds": -1}, "timeout_seconds: must be between"),
    ({"timeout_seconds": "1h"}, "timeout_seconds: must be a number"),
    ({"environment": {"id": "e3f1"}}, "environment.id: must be the digest"),
    ({"environment": {"from": "x.env"}}, "environment.from: 'x.env' must be an absolute path"),
    ({"environment": {"secrets": "A"}}, "environment.secrets: must be a list"),
    ({"retry": [{"causes": ["exit"]}]}, r"retry\[0\].times: is missing"),
    ({"retry": [{"times": 1, "causes": ["tiemout"]}]}, r"retry\[0\].causes: .*Did you mean 'timeout'"),
    ({"retry": [{"times": 1, "backoff_seconds": -1}]}, r"retry\[0\].backoff_seconds: must be between"),
    ({"retry": [3]}, r"retry\[0\]: must be an object"),
    ({"objective": {"metric": "x", "direction": "up"}}, "objective.direction: 'up' is unknown"),
    ({"metrics": 3}, "metrics: must be a text"),
    ({"metrics": " "}, "metrics: "),
    ({"metrics": "re:("}, "metrics: is no pattern for a log: it is not a regular expression"),
    ({"metrics": "re:loss"}, "metrics: is no pattern for a log: it has no group"),
    ({"tags": "one"}, "tags: must be a list"),
    ({"tags": [""]}, "tags: must be a list of texts"),
    ({"name": 3}, "name: must be a text"),
    ({"model": {**COMMAND, "folder": "sub"}}, "model.folder: 'sub' must be an absolute path"),
    ({"model": {**COMMAND, "folder": "/x", "cwd": "y"}}, "model.folder: cannot stand beside model.cwd"),
    ({"model": {**COMMAND, "shell": True}}, "model.command: must be a text"),
    ({"model": {**COMMAND, "command": "echo hi"}}, "model.command: must be a list"),
    ({"model": {"family": "command", "shell": True, "command": " "}}, "model.command: is empty"),
    ({"model": {"family": "command", "shell": 1, "command": "x"}}, "model.shell: must be true or false"),
]


@pytest.mark.parametrize(("changes", "words"), BAD, ids=[words[:40] for _, words in BAD])
def test_a_wrong_one_is_refused_with_its_name(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        parsed(**changes)


def test_a_line_for_bash_is_one_text() -> None:
    made = parsed(model={"family": "command", "shell": True, "command": "echo a | cat"})
    assert (made.command, made.is_shell) == (("echo a | cat",), True)
