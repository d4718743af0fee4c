"""Secrets of the environment and of requests: not in the journal, the exports, RunForge's logs or any argument."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from gauntlets.plans import plan, request
from runforge import workspace as workspaces
from runforge.cli import samples
from runforge.core.submission import Submission
from runforge.documents.secrets import secrets_in
from runforge.drills.traces import processes_of
from runforge.queue import submit
from runforge.views import lists
from runforge.workspace import Workspace
from tests.e2e.test_commands import Cli, fingerprint, refused, write_plan

pytestmark = pytest.mark.slow

SECRET = "hunter2-is-no-password"
URL = f"postgres://ada:{SECRET}@db.example.invalid/runs"


def holding(root: Path) -> list[str]:
    """The files below a folder that contain the secret."""
    return [
        str(p.relative_to(root)) for p in root.rglob("*") if p.is_file() and SECRET.encode() in p.read_bytes()
    ]


def command_lines(root: Path) -> Iterator[bytes]:
    for pid in processes_of(root):
        yield Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_secret_of_the_environment_reaches_the_run_and_no_file(here: Arena) -> None:
    code = "import os, time; assert os.environ['DB_URL']; print('has it', flush=True); time.sleep(60)"
    here.environment["DB_URL"] = URL
    group = here.sweep(2, name="env", family="command", command=[sys.executable, "-c", code])
    here.daemon(2)
    logs = [here.root / ".runforge/runs" / job["run_id"] / "logs.txt" for job in here.jobs(group)]
    here.until(lambda: all(p.exists() and "has it" in p.read_text() for p in logs), "both runs have it")
    said = here.run("show", "@last", "-w", str(here.root)) + here.run("doctor", "-w", str(here.root))
    lines = b"".join(command_lines(here.root))
    here.kill_daemon()
    assert b"has it" in lines  # the runs were among them
    assert SECRET.encode() not in lines
    assert SECRET not in said
    assert holding(here.root) == []


def test_a_secret_of_a_request_stays_in_the_files_of_its_run(here: Arena) -> None:
    """The request is the user's own document, kept as it came; the journal and what is exported of it know nothing."""
    base = request(
        family="command", command=["true"], hyperparameters={"database": URL, "api_key": SECRET, "n": 0}
    )
    strategy = {"type": "grid", "parameters": [{"path": "model.hyperparameters.n", "values": [1, 2]}]}
    here.daemon(2)
    group = here.enqueue(plan(here.root, base, strategy, name="url"), 2)
    here.until_ended(group, "completed")
    for words in (["queue-status"], ["jobs"], ["groups"], ["show", "@last"], ["logs", "@last"]):
        assert SECRET not in here.run(*words, "-w", str(here.root))
    here.stop_daemon()
    kept = holding(here.root / ".runforge")
    assert {Path(name).name for name in kept} == {
        "plan.json",
        "request.json",
        "spec.json",
        "params.json",
        "result.json",
    }
    assert {Path(name).parts[0] for name in kept} == {"groups", "runs", "attempts"}
    assert SECRET not in here.said(here.daemons[0])


@pytest.mark.parametrize("path", ["model.hyperparameters.api_key", "model.hyperparameters.database"])
def test_a_sweep_over_a_secret_is_refused(ws: Workspace, cli: Cli, path: str) -> None:
    model = {"family": "command", "command": ["true"]}
    values = [URL] if path.endswith("database") else ["one", "two"]
    for strategy in (
        {"type": "grid", "parameters": [{"path": path, "values": values}]},
        {"type": "list", "runs": [{path: values[0]}]},
    ):
        file = write_plan(ws, strategy=strategy, base_request={**samples.request(), "model": model})
        before = fingerprint(ws.root)
        refused(cli("enqueue-sweep", "--plan", file), 6, path, "looks like a secret", "environment")
        assert fingerprint(ws.root) == before


@pytest.mark.parametrize("field", ["name", "notes"])
def test_a_secret_in_a_groups_own_texts_is_refused(ws: Workspace, cli: Cli, field: str) -> None:
    file = write_plan(ws, group={"name": "mine", field: f"trained on {URL}"})
    before = fingerprint(ws.root)
    refused(cli("enqueue-sweep", "--plan", file), 6, f"group.{field}", "looks like a secret")
    assert fingerprint(ws.root) == before


#: What a dataset may lead to once it has been checked, and how.
SWAPS = {
    "a link": lambda data, _: (data.unlink(), data.symlink_to("/proc/self/environ")),
    "a folder's link": lambda data, _: (
        data.rename(data.parent.parent / "away"),
        data.parent.rmdir(),
        data.parent.symlink_to("/proc/self"),
        None,
    ),
    "a copy": lambda data, secret: data.write_text(f"DB_URL={secret},b\n1,2\n"),
    "a copy in one cell": lambda data, secret: data.write_text(f'DB_URL="{secret}\0HOME=/x'),
}


@pytest.mark.parametrize("hold", [None, 0.0])
@pytest.mark.parametrize("swap", SWAPS)
def test_a_dataset_that_is_swapped_after_the_check_gives_no_secret_away(
    here: Arena, swap: str, hold: float | None
) -> None:
    here.environment["DB_URL"] = URL
    name = "environ" if swap == "a folder's link" else "train.csv"
    (here.root / "data" / "train.csv").rename(here.root / "data" / name)
    base = request(family="logistic_regression", hyperparameters={})
    base["dataset"]["path"] = f"data/{name}"
    ws = workspaces.at(here.root)
    (ws.run_dir("mine")).mkdir(parents=True)
    (ws.run_dir("mine") / "request.json").write_bytes(samples.encode(base))
    submit.enqueue_run(ws, "mine", Submission(dry_run_seconds=hold))
    SWAPS[swap](here.root / "data" / name, URL)
    here.daemon(1)
    here.until(lambda: lists.jobs(ws)[0].finished_at, "it has ended")
    assert lists.jobs(ws)[0].state == "failed"
    here.stop_daemon()
    here.run("run", "--run-dir", str(ws.run_dir("mine")), expect=None)
    assert holding(ws.hidden) == []
    assert SECRET not in here.said(here.daemons[0])


def test_a_request_with_a_secret_is_warned_of_without_showing_it(ws: Workspace, cli: Cli) -> None:
    model = {"family": "command", "command": ["true", "--password", SECRET], "hyperparameters": {"url": URL}}
    body = {**samples.request(), "model": model}
    (ws.run_dir("mine")).mkdir()
    (ws.run_dir("mine") / "request.json").write_bytes(samples.encode(body))
    file = write_plan(ws, base_request=body, strategy={"type": "list", "runs": [{"tags": ["x"]}]})
    done: subprocess.CompletedProcess[str]
    for done in (cli("enqueue-run", "--run-id", "mine", "-w", ws.root), cli("enqueue-sweep", "--plan", file)):
        assert done.returncode == 0
        assert done.stderr.startswith("WARNING: ")
        assert "model.command[2], model.hyperparameters.url looks like a secret" in done.stderr
        assert SECRET not in done.stderr + done.stdout


@pytest.mark.parametrize(
    ("document", "found"),
    [
        ({"api_key": "x"}, ["api_key"]),
        ({"a": {"AWS_SECRET": "x", "n": [{"password": "y"}]}}, ["a.AWS_SECRET", "a.n[0].password"]),
        ({"hf_token": "x", "token": "y"}, ["hf_token", "token"]),
        ({"u": "https://user:pw@host/x", "v": "https://host:80/x", "w": "https://user@host"}, ["u"]),
        ({"c": ["run", "--api-key=x", "--token", "y", "--lr", "z"]}, ["c[1]", "c[3]"]),
        ({"max_tokens": 5, "pad_token": "<pad>", "tokenizer": "bert", "key": "x", "sort_key": "y"}, []),
        ({"password": "", "secret": None, "credentials": 7, "--password": []}, []),
        ({"c": ["--token"], "d": ["--token-count=5"]}, []),
    ],
)
def test_what_looks_like_a_secret(document: dict[str, Any], found: list[str]) -> None:
    assert list(secrets_in(document)) == found


def test_a_long_text_costs_no_more_than_its_length() -> None:
    """A backtracking pattern would not come back from these."""
    assert list(secrets_in({"a": "x" * 2_000_000, "b": "://" * 500_000, "c": "://a" + ":" * 2_000_000})) == []
