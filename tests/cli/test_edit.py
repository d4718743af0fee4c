"""`runforge edit` as a user types it: parameters, options, several runs, and the editor."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import pytest

from runforge.core.submission import Submission
from runforge.queue import submit
from runforge.views import lists
from runforge.workspace import Workspace
from tests.cli.terminal import Terminal
from tests.documents.kit import REQUEST, changed
from tests.e2e.test_commands import Cli

pytestmark = pytest.mark.slow

MODEL = {
    "family": "command",
    "command": ["echo", "{lr}", "{opt.wd}"],
    "hyperparameters": {"lr": 0.1, "opt": {"wd": 0}},
}


@pytest.fixture
def two(ws: Workspace) -> Workspace:
    """Two queued runs, `a` and `b`."""
    for run_id in ("a", "b"):
        folder = ws.run_dir(run_id)
        folder.mkdir(parents=True)
        (folder / "request.json").write_text(json.dumps(changed(REQUEST, model=MODEL)))
        submit.enqueue_run(ws, run_id, Submission())
    return ws


def request_of(ws: Workspace, run_id: str) -> dict[str, Any]:
    return dict(json.loads((ws.run_dir(run_id) / "request.json").read_bytes()))


def test_parameters_and_options_in_one_line(two: Workspace, cli: Cli) -> None:
    line = ["lr=3e-4", "opt.wd=1", "-t", "1h30m", "--tag", "x", "-p", "2", "--retry", "2:oom", "-G", "1"]
    done = cli("edit", "1", *line, "--mem", "2G", "-e", "SEED=3", "-w", two.root)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "1  a  queued, priority 2\n1 changed, 0 skipped\n"
    made = request_of(two, "a")
    assert made["model"]["hyperparameters"] == {"lr": 3e-4, "opt": {"wd": 1}}
    assert (made["timeout_seconds"], made["tags"], made["device"]["type"]) == (5400, ["x"], "gpu")
    assert made["resources"] == {"gpus": 1, "mem_mb": 2048}
    assert made["retry"] == [{"times": 2, "causes": ["oom"], "backoff_seconds": 30}]
    assert (two.envs_dir / f"{made['environment']['id']}.json").exists()
    assert cli("edit", "1", "-t", "none", "--retry", "0", "--tag", "", "-w", two.root).returncode == 0
    assert not request_of(two, "a").keys() & {"timeout_seconds", "retry", "tags"}
    assert request_of(two, "b")["model"] == MODEL


def test_several_runs_by_numbers_or_by_a_filter(two: Workspace, cli: Cli) -> None:
    assert cli("edit", "1-2", "lr=1", "-w", two.root).stdout.endswith("2 changed, 0 skipped\n")
    done = cli("edit", "--where", "state:queued", "--command", "echo 'a b' {lr}", "--json", "-w", two.root)
    assert [job["run_id"] for job in json.loads(done.stdout)["data"]["changed"]] == ["a", "b"]
    assert request_of(two, "b")["model"]["command"] == ["echo", "a b", "{lr}"]


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["1", "rl=3"], 2, "run 1: the command has no parameter 'rl'. Did you mean 'lr'?"),
        (["1"], 2, "nothing is to be changed. For example `runforge edit 12 lr=0.01`"),
        (["1", "-t", "soon"], 2, "-t 'soon' is not a valid time"),
        (["1", "--set", "lr"], 2, "--set 'lr' is not KEY=VALUE"),
        (["1", "--command", "echo 'x"], 2, "the command cannot be divided"),
        (["1", "-C", "/nowhere"], 3, "/nowhere"),
        (["99", "lr=1"], 1, "99"),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    two: Workspace, cli: Cli, words: list[str], code: int, text: str
) -> None:
    done = cli("edit", *words, "-w", two.root)
    assert (done.returncode, done.stdout) == (code, "")
    assert text in done.stderr
    assert request_of(two, "a")["model"] == MODEL


def test_a_new_run_from_an_old_one_with_changes(two: Workspace, cli: Cli) -> None:
    done = cli("rerun", "1-2", "lr=2", "-n", "again", "-p", "4", "-w", two.root)
    assert (done.returncode, done.stderr) == (0, "")
    first, second, last = done.stdout.splitlines()
    assert re.fullmatch(r"3  \d{8}-\d{6}-again-\d{4}  queued, priority 4", first)
    assert (second[:1], last) == ("4", "2 changed, 0 skipped")
    made = request_of(two, first.split()[1])
    assert (made["rerun_from"], made["name"]) == ("a", "again")
    assert made["model"]["hyperparameters"] == {"lr": 2, "opt": {"wd": 0}}
    assert request_of(two, "a")["model"] == MODEL
    before = sorted(two.runs_dir.iterdir())
    refused = cli("rerun", "1", "rl=2", "-w", two.root)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert sorted(two.runs_dir.iterdir()) == before


def test_a_new_run_needs_the_environment_of_the_old_one(two: Workspace, cli: Cli) -> None:
    assert cli("edit", "1", "--env-here", "-w", two.root).returncode == 0
    for file in two.envs_dir.iterdir():
        file.unlink()
    refused = cli("rerun", "1", "-w", two.root)
    assert refused.returncode == 3
    assert "the environment of run 1 is stored no more. --env-here gives the new run" in refused.stderr
    assert cli("rerun", "1", "--env-here", "-w", two.root).returncode == 0


# --- the editor ------------------------------------------------------------------------------------


def editor(folder: Path, code: str) -> str:
    path = folder / "editor"
    path.write_text(f'#!/bin/sh\nfile="$2"\n{code}\n')
    path.chmod(0o755)
    return f"{path} --wait"


def in_editor(ws: Workspace, run: str, command: str) -> tuple[int, str]:
    terminal = Terminal("edit", run, "-w", ws.root, columns=400, EDITOR=command, VISUAL="")
    return terminal.end(), terminal.text


def test_without_options_the_editor_opens_the_request(two: Workspace, tmp_path: Path) -> None:
    code, text = in_editor(two, "1", editor(tmp_path, "sed -i 's/0.1/0.7/' \"$file\""))
    assert (code, text) == (0, "1  a  queued\n1 changed, 0 skipped\n")
    assert request_of(two, "a")["model"]["hyperparameters"]["lr"] == 0.7
    code, text = in_editor(two, "1", editor(tmp_path, "true"))
    assert (code, text) == (1, "0 changed, 1 skipped (is so already: 1)\n")


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ("sed -i 's/0.1/0.1.2/' \"$file\"", 2, "request"),
        ('sed -i \'s/"command"/"comand"/\' "$file"', 2, "is unknown"),
        ("exit 3", 1, "ended with exit code 3"),
    ],
)
def test_a_text_that_cannot_be_used_is_kept(
    two: Workspace, tmp_path: Path, change: str, code: int, words: str
) -> None:
    found, text = in_editor(two, "1", editor(tmp_path, change))
    assert found == code
    assert words in text
    kept = re.search(r"Your text is in (\S+\.json)", text)
    assert kept is not None
    assert Path(kept[1]).exists()
    Path(kept[1]).unlink()
    Path(kept[1]).parent.rmdir()
    assert request_of(two, "a")["model"] == MODEL


def test_what_changed_while_the_editor_was_open_is_not_overwritten(
    two: Workspace, tmp_path: Path, cli: Cli
) -> None:
    command = editor(tmp_path, f"touch {tmp_path}/open; sed -i 's/0.1/0.7/' \"$file\"; read line")
    terminal = Terminal("edit", "a", "-w", two.root, columns=400, EDITOR=command, VISUAL="")
    while not (tmp_path / "open").exists():
        assert terminal.read()
    assert cli("edit", "a", "lr=5", "-w", two.root).returncode == 0
    os.write(terminal.master, b"\n")
    assert terminal.end() == 1
    assert "nothing was changed: run 1 was edited meanwhile. Your text is in /" in terminal.text
    assert request_of(two, "a")["model"]["hyperparameters"]["lr"] == 5
    assert [job.state for job in lists.jobs(two)] == ["queued", "queued"]
