"""`show`: the command that ran, the end of a failed run's log, and the environment without its secrets."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from runforge.queue import submit
from runforge.views import lists
from runforge.workspace import Workspace
from tests.e2e.test_commands import Cli
from tests.views import measured

pytestmark = pytest.mark.slow


def _data(cli: Cli, ws: Workspace, *words: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(cli("show", *words, "--json", "--workspace", ws.root).stdout)[
        "data"
    ]
    return found


def test_the_command_can_be_copied_and_does_the_same(lived_in: Workspace, cli: Cli) -> None:
    said = cli("show", "@last", "--workspace", lived_in.root).stdout
    line = re.search(r"^Command {4}(.*)$", said, re.MULTILINE)
    assert line is not None
    assert line[1].startswith(f"{sys.executable} -c ")
    done = subprocess.run(["bash", "-c", line[1]], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (3, "[RF:METRIC=loss 1.0]\n")
    assert f"\nStarts in  {lived_in.root}\n" in said
    assert "\nEnviron    the daemon's\n" in said
    assert "\nParameters code=3\n" in said


def test_json_has_the_same_facts(lived_in: Workspace, cli: Cli) -> None:
    data = _data(cli, lived_in, "@last")
    request = data["request"]
    assert isinstance(request, dict)
    assert request["command"][0] == sys.executable
    assert request["command"][-1] == "3"
    assert request["parameters"] == {"loss": 1.0, "code": 3, "name": ""}
    assert isinstance(data["job"], dict)
    assert data["job"]["number"] == 3
    assert (data["parents"], data["children"], data["retry"]) == ([], [], [])


def test_a_failed_run_shows_the_end_of_its_log(lived_in: Workspace, cli: Cli) -> None:
    job = lists.jobs(lived_in)[-1]
    log = lived_in.root / job.run_dir / "logs.txt"
    before = log.read_bytes()
    try:
        log.write_text("".join(f"line {n}\n" for n in range(30)) + "ValueError: \x1b[2Jno data\n")
        said = cli("show", "@last", "--workspace", lived_in.root).stdout
    finally:
        log.write_bytes(before)
    end = said.partition("Log, its last lines\n")[2].splitlines()
    assert (len(end), end[0], end[-1]) == (10, "  line 21", "  ValueError: \\x1b[2Jno data")
    succeeded = lists.jobs(lived_in)[0].run_id
    assert "Log, its last lines" not in cli("show", succeeded, "--workspace", lived_in.root).stdout


def test_the_environment_is_shown_without_its_secrets(ws: Workspace, cli: Cli) -> None:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    variables = {
        "PATH": "/opt/venv/bin:/usr/bin",
        "WANDB_API_KEY": "abc123",
        "AWS_X": "abc123",
        "NOTE": "a\nb",
        "DATABASE_URL": "postgres://me:abc123@host/db",
        "TOKENIZERS_PARALLELISM": "false",
    }
    path = measured.keep_environment(ws, variables, lists.jobs(ws)[-1])
    done = cli("show", "@last", "--env", "--workspace", ws.root)
    assert done.stdout.splitlines() == [
        "AWS_X='********'",
        "DATABASE_URL='********'",
        "NOTE=$'a\\nb'",
        "PATH=/opt/venv/bin:/usr/bin",
        "TOKENIZERS_PARALLELISM=false",
        "WANDB_API_KEY='********'",
    ]
    data = _data(cli, ws, "@last", "--env")["variables"]
    assert data == {**variables, **dict.fromkeys(["AWS_X", "DATABASE_URL", "WANDB_API_KEY"], "********")}
    for text in ("[]", json.dumps({"variables": {"PATH": "/evil"}})):
        path.write_text(text)
        broken = cli("show", "@last", "--env", "--workspace", ws.root)
        assert (broken.returncode, broken.stdout) == (1, "")
        assert "the stored environment was changed" in broken.stderr


def test_a_run_without_an_environment_of_its_own_says_so(lived_in: Workspace, cli: Cli) -> None:
    done = cli("show", "@last", "--env", "--workspace", lived_in.root)
    assert (done.returncode, done.stdout) == (0, "")
    assert "it gets the daemon's" in done.stderr
