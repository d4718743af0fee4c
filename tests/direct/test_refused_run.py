"""`run --run-dir` that is refused: the folder says so, and what earlier runs left there is kept."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from runforge.cli import samples
from runforge.queue import submit
from runforge.workspace import Workspace
from tests.e2e.test_commands import Cli

pytestmark = pytest.mark.slow

WORD = "hunter2-is-no-password"


def folder(ws: Workspace, text: str | None) -> Path:
    made = ws.root / ".ml" / "runs" / "mine"
    made.mkdir(parents=True)
    if text is not None:
        (made / "request.json").write_text(text, "utf-8")
    return made


def request(**changes: Any) -> str:
    return json.dumps({**samples.request(), **changes})


def says_so(made: Path, done: subprocess.CompletedProcess[str]) -> str:
    log = (made / "logs.txt").read_text("utf-8").splitlines()
    assert log[-1] == "[RF:STAGE=FAILED]"
    assert done.stdout == ""
    result = json.loads((made / "result.json").read_bytes())
    assert (result["version"], result["status"], result["summary"]) == (1, "failed", None)
    message = str(result["error"]["message"])
    assert f"ERROR: {message}" in log
    return message


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        (None, 3, "request.json"),
        ("{", 2, "request.json"),
        (request(model={"family": "none"}), 2, "family"),
        (request(dataset={"path": "data/gone.csv", "label_column": "label"}), 3, "gone.csv"),
        (request(dataset={"path": "/etc/passwd", "label_column": "label"}), 2, "dataset.path"),
    ],
)
def test_the_folder_says_what_the_command_says(
    ws: Workspace, cli: Cli, text: str | None, code: int, said: str
) -> None:
    made = folder(ws, text)
    done = cli("run", "--run-dir", made)
    assert done.returncode == code
    message = says_so(made, done)
    assert said in message
    assert f"ERROR: {message}" == done.stderr.strip()


def test_a_folder_without_a_workspace_says_so_too(tmp_path: Path, cli: Cli) -> None:
    done = cli("run", "--run-dir", tmp_path)
    assert done.returncode == 3
    assert "no workspace above" in says_so(tmp_path, done)


def test_what_a_successful_run_left_is_set_aside(ws: Workspace, cli: Cli) -> None:
    made = folder(ws, request())
    assert cli("run", "--run-dir", made).returncode == 0
    before = (made / "result.json").read_bytes(), (made / "logs.txt").read_bytes()
    (ws.root / "data" / "train.csv").rename(ws.root / "data" / "away.csv")
    assert cli("run", "--run-dir", made).returncode == 3
    assert json.loads((made / "result.json").read_bytes())["status"] == "failed"
    kept = made / "previous" / "1"
    assert ((kept / "result.json").read_bytes(), (kept / "logs.txt").read_bytes()) == before
    assert any((kept / "artifacts").iterdir())
    assert not (made / "artifacts").exists()


def test_the_folder_of_a_queued_run_is_left_alone(ws: Workspace, cli: Cli) -> None:
    made = folder(ws, request())
    submit.enqueue_run(ws, "mine")
    (made / "request.json").write_text("{", "utf-8")
    done = cli("run", "--run-dir", made)
    assert done.returncode == 1
    assert "is queued in the queue" in done.stderr
    assert sorted(path.name for path in made.iterdir()) == ["request.json"]


def test_what_is_kept_quotes_nothing_of_a_file_that_is_no_dataset(ws: Workspace, cli: Cli) -> None:
    (ws.root / "data" / "train.csv").write_text(f"{WORD},b\n1,2\n", "utf-8")
    made = folder(ws, request())
    assert cli("run", "--run-dir", made).returncode == 2
    assert "label" in (made / "logs.txt").read_text("utf-8")
    assert WORD not in (made / "logs.txt").read_text("utf-8") + (made / "result.json").read_text("utf-8")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give a folder to somebody else")
def test_a_folder_of_somebody_elses_is_left_alone(ws: Workspace, cli: Cli) -> None:
    made = folder(ws, "{")
    os.chown(made, 12345, 12345)
    assert cli("run", "--run-dir", made).returncode == 2
    assert sorted(path.name for path in made.iterdir()) == ["request.json"]
