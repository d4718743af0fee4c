"""What a request says of its run, also if it says nonsense."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runforge.digest import sha256_of
from runforge.views import run_facts

_REQUEST: dict[str, Any] = {
    "version": 1,
    "preset": "custom",
    "created_at": "x",
    "created_by": "x",
    "device": {"type": "cpu"},
    "model": {
        "family": "command",
        "command": ["python", "train.py", "--lr={lr}", "{args}"],
        "hyperparameters": {"lr": 0.1, "note": "a b"},
    },
}


def _with(**model: Any) -> dict[str, Any]:
    return {**_REQUEST, "model": {**_REQUEST["model"], **model}}


def test_the_command_has_its_values_and_starts_in_the_workspace(tmp_path: Path) -> None:
    facts = run_facts.of_request(_REQUEST, tmp_path)
    assert facts.command == ("python", "train.py", "--lr=0.1", "--lr=0.1", "--note=a b")
    assert facts.command_lines == ("python train.py --lr=0.1 --lr=0.1 '--note=a b'",)
    assert facts.cwd == str(tmp_path)
    assert facts.parameters == {"lr": 0.1, "note": "a b"}
    assert facts.environment is None


def test_a_shell_line_and_a_folder_of_its_own(tmp_path: Path) -> None:
    given = _with(shell=True, command="cd x &&\necho {lr} > out", folder="/data/lab")
    facts = run_facts.of_request({**given, "timeout_seconds": 60}, tmp_path)
    assert facts.command_lines == ("cd x &&", "echo 0.1 > out")
    assert (facts.cwd, facts.timeout_seconds) == ("/data/lab", 60)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"model": 3},
        {"model": {"family": 3, "hyperparameters": [1]}},
        {"timeout_seconds": "x", "model": None},
    ],
)
def test_nonsense_has_no_facts_and_does_no_harm(document: dict[str, Any], tmp_path: Path) -> None:
    facts = run_facts.of_request(document, tmp_path)
    assert (facts.command, facts.timeout_seconds, facts.parameters) == (None, None, {})


def test_a_refused_request_says_why(tmp_path: Path) -> None:
    facts = run_facts.of_request(_with(command=[]), tmp_path)
    assert facts.command is None
    assert "model.command" in str(facts.problem)


@pytest.mark.parametrize("text", [None, "{", "[]", "[" * 100_000])
def test_a_file_that_cannot_be_read_says_so(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "request.json").write_text(text)
    assert str(run_facts.read(tmp_path / "request.json", tmp_path).problem).startswith("request.json: ")


def test_a_retry_rule_is_a_sentence() -> None:
    rules = [{"times": 3, "causes": ["exit", "oom"]}, {"times": 1, "causes": ["timeout"]}]
    assert run_facts.rules_text(json.dumps(rules), "[2]") == [
        "up to 3 times after exit, oom; 2 used",
        "up to 1 time after timeout; 0 used",
    ]


@pytest.mark.parametrize(
    "model",
    [
        {},
        {"cwd": "a/./b//c"},
        {"folder": "/else//where"},
        {"command": "echo {lr} {args} | cat\nls", "shell": True},
        {
            "command": ["a", "{args:hydra}", "{x.y}", "{{x}}", "{_a}{1}{\u00e9}"],
            "hyperparameters": {"x": {"y": [1, None]}},
        },
        {"command": ["a"], "hyperparameters": None},
    ],
    ids=str,
)
def test_what_the_journal_knows_is_not_checked_again_and_reads_the_same(
    tmp_path: Path, model: dict[str, Any]
) -> None:
    (path := tmp_path / "request.json").write_bytes(data := json.dumps(_with(**model)).encode())
    checked = run_facts.read(path, tmp_path, sha256_of(data))
    assert checked == run_facts.read(path, tmp_path) == run_facts.read(path, tmp_path, sha256_of(b"another"))
    assert checked.command


def test_what_was_changed_since_is_checked(tmp_path: Path) -> None:
    (path := tmp_path / "request.json").write_text(json.dumps({**_with(), "preset": "nope"}))
    facts = run_facts.read(path, tmp_path, sha256_of(b"what was queued"))
    assert facts.command is None
    assert facts.problem is not None
