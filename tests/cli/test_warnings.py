"""Possible mistakes are accepted: each command that submits warns on standard error and continues."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from runforge.cli import samples
from runforge.views import lists
from runforge.workspace import Workspace
from tests.e2e.test_commands import Cli, refused

_MODEL = {"family": "command", "command": ["sh", "-c", ": {lrr}", "{lr}"], "hyperparameters": {"lr": 0.1}}
_SLIP = {**samples.request(), "model": {**_MODEL, "timeout": 60}, "tag": ["x"]}
_TOLD = [
    "RunForge does not read {}model.timeout",
    "RunForge does not read {}tag. Did you mean 'tags'?",
    "{}model.command[2]: {{lrr}} stays as it is: there is no such hyperparameter. Did you mean 'lr'?",
]


def written(path: Path, document: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
    return path


def lines(path: Path, at: str = "") -> list[str]:
    return [f"WARNING: {path}: {sentence.format(at)}" for sentence in _TOLD]


def test_a_request_is_enqueued_or_run_with_a_warning(ws: Workspace, cli: Cli) -> None:
    path = written(ws.run_dir("r") / "request.json", _SLIP)
    done = cli("enqueue-run", "--run-id", "r", "--workspace", ws.root)
    assert (done.returncode, done.stderr.splitlines()) == (0, lines(path))
    other = written(ws.root / "r.json", _SLIP)
    done = cli("run", "--request", other, "--workspace", ws.root)
    assert (done.returncode, done.stderr.splitlines()) == (0, lines(other))


@pytest.mark.parametrize("command", ["enqueue-sweep", "sweep"])
def test_a_sweep_too(ws: Workspace, cli: Cli, command: str) -> None:
    strategy = {"type": "grid", "parameters": [{"path": "model.hyperparameters.lr", "values": [1, 2]}]}
    plan = {**samples.plan(str(ws.root)), "base_request": _SLIP, "strategy": strategy, "retries": 1}
    path = written(ws.root / "p.json", plan)
    done = cli(command, "--plan", path, "--workspace", ws.root)
    assert done.returncode == 0
    told = [f"WARNING: {path}: RunForge does not read retries", *lines(path, "base_request.")]
    first = ["first command: sh -c ': {lrr}' 1"] if command == "enqueue-sweep" else []
    assert done.stderr.splitlines() == told + first
    assert len(lists.jobs(ws)) == 2


def test_a_run_folder_whose_command_lacks_a_value_is_refused(ws: Workspace, cli: Cli) -> None:
    model = {"family": "command", "command": ["echo", "{learning_rate}"], "hyperparameters": {"lr": 0.1}}
    written(ws.run_dir("r") / "request.json", {**samples.request(), "model": model})
    for words in (["enqueue-run", "--run-id", "r"], ["run", "--run-dir", ws.run_dir("r")]):
        done = cli(*words, "--workspace", ws.root)
        refused(done, 2, "model.command[1]: {learning_rate} names no hyperparameter; known: lr")
    assert not ws.journal.exists()
    # What `run` says of it (test_refused_run.py); a refused `enqueue-run` leaves the folder as it was.
    assert {path.name for path in ws.run_dir("r").iterdir()} == {"request.json", "logs.txt", "result.json"}
