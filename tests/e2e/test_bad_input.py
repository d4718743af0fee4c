"""Bad input from the command line: the documented exit code, one line, and nothing has changed."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runforge.cli import samples
from runforge.queue import submit
from runforge.store.opening import open_snapshot
from runforge.workspace import Workspace
from tests.e2e.test_commands import Cli, fingerprint, refused

pytestmark = pytest.mark.slow

Change = Callable[[dict[str, Any]], object]


def _set(**values: Any) -> Change:
    return lambda plan: plan.update(values)


def _grid(*axes: tuple[str, int]) -> Change:
    parameters = [{"path": path, "values": list(range(count))} for path, count in axes]
    return _set(strategy={"type": "grid", "parameters": parameters})


def _model(**values: Any) -> Change:
    return lambda plan: plan["base_request"]["model"].update(values)


def _list(*runs: dict[str, Any]) -> Change:
    return _set(strategy={"type": "list", "runs": list(runs)})


BASE_ONLY = _list({"tags": ["one"]})
PLANS: dict[str, tuple[Change, tuple[str, ...]]] = {
    "wrong version": (_set(version=2), ("version",)),
    "wrong kind": (_set(kind="plan"), ("kind",)),
    "no strategy": (lambda plan: plan.pop("strategy"), ("strategy",)),
    "no group": (lambda plan: plan.pop("group"), ("group",)),
    "unknown strategy": (_set(strategy={"type": "annealing"}), ("strategy.type", "grid", "list")),
    "empty grid": (_set(strategy={"type": "grid", "parameters": []}), ("strategy.parameters",)),
    "grid of 10^9": (
        _grid(("notes.a", 1000), ("notes.b", 1000), ("notes.c", 1000)),
        ("1000000000", "10000", "--max-runs"),
    ),
    "path into a value": (_grid(("preset.name", 2)), ("preset",)),
    "unknown family": (
        lambda plan: (BASE_ONLY(plan), _model(family="xgboost")(plan)),
        ("model.family", "logistic_regression", "random_forest", "linear_svc"),
    ),
    "unknown hyperparameter": (
        lambda plan: (BASE_ONLY(plan), _model(hyperparameters={"max_itr": 5})(plan)),
        ("model.hyperparameters.max_itr", "max_iter"),
    ),
    "max_parallel 0": (_set(execution={"max_parallel": 0}), ("execution.max_parallel",)),
    "path that nobody reads": (
        _list({"model.hyperparameter.C": 1}),
        ("strategy.runs[0]", "'model.hyperparameters.C'"),
    ),
    "metric that nobody reports": (
        _set(objective={"metric": "loss", "direction": "minimize"}),
        ("objective.metric", "log_loss"),
    ),
    "null that a command needs": (
        lambda plan: (
            _list({"model.hyperparameters.lr": None})(plan),
            _model(family="command", command=["echo", "{lr}"], hyperparameters={"lr": 1})(plan),
        ),
        ("run 1", "model.command[1]", "{lr}", "null"),
    ),
    "dataset outside": (
        lambda plan: (
            BASE_ONLY(plan),
            plan["base_request"].update(dataset={"path": "../x.csv", "label_column": "label"}),
        ),
        ("dataset.path", "../x.csv"),
    ),
}
TEXTS: dict[str, tuple[bytes, tuple[str, ...]]] = {
    "not JSON": (b"{", ("not JSON",)),
    "not an object": (b"[1, 2]", ("object",)),
    "deep": (b'{"a":' * 5000 + b"1" + b"}" * 5000, ("deep",)),
    "NaN": (b'{"version": NaN}', ("NaN",)),
    "duplicate keys": (b'{"version": 1, "version": 1}', ("version",)),
    "huge": (b" " * (9 * 1024 * 1024) + b"{}", ("",)),
    "binary": (bytes(range(128, 256)) * 10, ("UTF-8",)),
}


@dataclass
class Queue:
    """A workspace in which one sweep waits, and what it looks like."""

    ws: Workspace
    cli: Cli
    files: dict[str, str] = field(default_factory=dict)
    seq: int = 0

    def remember(self) -> None:
        self.files, self.seq = fingerprint(self.ws.root), self._newest()

    def _newest(self) -> int:
        with open_snapshot(self.ws) as journal, journal.read() as tx:
            return int(tx.row("journal.last_seq")[0])

    def refuses(self, code: int, words: tuple[str, ...], *arguments: object) -> None:
        self.remember()
        start = time.monotonic()
        done = self.cli(*arguments, "--workspace", self.ws.root)
        # A second is the promise; more than that is the machine's affair, ten is RunForge's.
        assert time.monotonic() - start < 10.0
        refused(done, code, *words)
        assert self._newest() == self.seq
        assert fingerprint(self.ws.root) == self.files


@pytest.fixture
def queue(ws: Workspace, cli: Cli) -> Queue:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    return Queue(ws, cli)


@pytest.mark.parametrize("case", PLANS)
def test_plans(queue: Queue, case: str) -> None:
    change, words = PLANS[case]
    plan = samples.plan(str(queue.ws.root))
    change(plan)
    path = queue.ws.root / "bad.json"
    path.write_text(json.dumps(plan))
    queue.refuses(6, ("bad.json", *words), "enqueue-sweep", "--plan", path)


@pytest.mark.parametrize("case", TEXTS)
def test_plans_that_are_no_json(queue: Queue, case: str) -> None:
    data, words = TEXTS[case]
    path = queue.ws.root / "bad.json"
    path.write_bytes(data)
    for command in ("enqueue-sweep", "sweep"):
        queue.refuses(6, ("bad.json", *words), command, "--plan", path)


@pytest.mark.parametrize(
    ("code", "words", "arguments"),
    [
        (2, ("run id",), ["enqueue-run", "--run-id", "../x"]),
        (2, ("run id",), ["enqueue-run", "--run-id", "a/b"]),
        (3, ("run folder not found",), ["enqueue-run", "--run-id", "nowhere"]),
        (2, ("--max-parallel",), ["daemon", "--max-parallel", "0"]),
        (2, ("--gpu-slots",), ["daemon", "--gpu-slots=-1"]),
        (3, ("plan not found",), ["enqueue-sweep", "--plan", "none.json"]),
        (3, ("request not found",), ["run", "--request", "none.json"]),
        (1, ("no group or run",), ["show", "nothing-like-it"]),
        (2, ("--older-than",), ["prune", "--older-than", "soon"]),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_calls(queue: Queue, code: int, words: tuple[str, ...], arguments: list[str]) -> None:
    queue.refuses(code, words, *arguments)


def test_an_unknown_group_is_answered_with_the_nearest(queue: Queue) -> None:
    known = next((queue.ws.hidden / "groups").iterdir()).name
    mistyped = known.replace("families", "familie_")
    for command in ("pause-group", "resume-group", "cancel-group", "retry-failed"):
        queue.refuses(1, (known,), command, "--group-id", mistyped)


def test_a_run_that_is_queued_already_is_refused(queue: Queue) -> None:
    run_id = next(queue.ws.runs_dir.iterdir()).name
    queue.refuses(1, (run_id, "queued already"), "enqueue-run", "--run-id", run_id)


def test_requests(queue: Queue) -> None:
    path = queue.ws.root / "bad-request.json"
    for change, code, words in (
        ({"preset": "quick"}, 2, ("preset", "fast")),
        ({"device": {"type": "tpu"}}, 2, ("device.type", "cpu")),
        ({"dataset": {"path": "data/none.csv", "label_column": "label"}}, 3, ("data/none.csv",)),
        ({"dataset": {"path": "data/train.csv", "label_column": "lable"}}, 2, ("lable", "months")),
        ({"model": {"family": "command", "command": "python x.py"}}, 2, ("model.command",)),
        ({"model": {"family": "command", "command": ["x", "{lr}"]}}, 2, ("model.command[1]", "{lr}")),
    ):
        path.write_text(json.dumps({**samples.request(), **change}))
        queue.refuses(code, words, "run", "--request", path)


def test_a_workspace_that_is_not_there_is_not_made(cli: Cli, tmp_path: Path) -> None:
    for command in ("queue-status", "daemon", "groups", "doctor"):
        refused(cli(command, "--workspace", tmp_path / "none"), 3, "workspace not found", "none")
    assert not (tmp_path / "none").exists()


def test_every_command_explains_itself(cli: Cli) -> None:
    listed = re.findall(r"^  ([a-z][a-z-]+)  ", cli("--help").stdout, re.MULTILINE)
    assert len(listed) >= 23
    for command in listed:
        said = cli(command, "--help")
        assert (said.returncode, said.stderr) == (0, "")
        assert said.stdout.startswith(f"Usage: runforge {command}")
