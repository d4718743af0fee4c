"""What runs after a `submit`: as it was typed, when it was asked for, and no longer."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.e2e.desk import Desk

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(ws: Workspace, tmp_path: Path) -> Desk:
    return Desk(ws, tmp_path / "desk")


@pytest.fixture
def working(desk: Desk) -> Iterator[Desk]:
    """A desk with a daemon."""
    assert desk.type("daemon", "--detach", "--max-parallel", 4).returncode == 0
    yield desk
    desk.type("stop-daemon", "--cancel-running")


def test_runs_get_folder_environment_and_values_as_typed(working: Desk) -> None:
    plain = working.submit("-e", "COLOUR=red", "--wait", "--", "python", "train.py", "--lr", "0.1")
    said = working.said(working.jobs(plain)[0])
    assert (said["args"], said["cwd"], said["env"]) == (["--lr", "0.1"], str(working.folder), "red")
    values = ["-S", "a='x y',$HOME", "-S", "b=1"]
    by_name = working.submit(*values, "--wait", "--", "python", "train.py", "{a}", "--b={b}")
    assert [working.said(job)["args"] for job in working.jobs(by_name)] == [
        ["x y", "--b=1"],
        ["$HOME", "--b=1"],
    ]
    for form, first in (("{args}", ["--a=x y", "--b=1"]), ("{args:hydra}", ["a='x y'", "b=1"])):
        group = working.submit(*values, "--wait", "--", "python", "train.py", form)
        assert working.said(working.jobs(group)[0])["args"] == first
        assert working.said(working.jobs(group)[0])["params"] == {"a": "x y", "b": 1}
    line = "python train.py {a} | cat; echo >&2"
    shell = working.submit(*values[:2], "--wait", "--shell", "--", line)
    assert [working.said(job)["args"] for job in working.jobs(shell)] == [["x y"], ["$HOME"]]
    source = working.folder / "secrets.env"
    source.write_text("COLOUR=green\n")
    kept = working.submit("--env-from", source, "--wait", "--", "python", "train.py")
    assert working.said(working.jobs(kept)[0])["env"] == "green"


def test_wait_and_follow_end_as_the_run_did(working: Desk) -> None:
    failed = working.type("submit", "--wait", "--", "python", "train.py", CODE="3")
    assert failed.returncode == 1
    assert failed.stdout.count("\n") == 1
    assert f"{failed.stdout.strip()} failed" in failed.stderr
    followed = working.type("submit", "--follow", "--shell", "--", "echo one; sleep 0.1; echo two")
    assert followed.returncode == 0
    lines = followed.stdout.splitlines()
    assert re.fullmatch(r"\d{8}-\d{6}-\S+", lines[0])
    assert [line for line in lines[1:] if not line.startswith("[RF:")] == ["one", "two"]
    sweep = working.type("submit", "--wait", "-S", "n=0,1", "--shell", "--", "exit {n}")
    assert sweep.returncode == 1
    assert re.fullmatch(r"grp_\S+\n", sweep.stdout)


def test_ctrl_c_leaves_the_run_alone_and_says_how_to_cancel_it(working: Desk) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "runforge", "submit", "--follow", "--shell", "--", "echo up; exec sleep 60"],
        cwd=working.folder,
        env=working.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    run = process.stdout.readline().strip()
    assert "up\n" in iter(process.stdout.readline, "")
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 5
    assert f"`runforge cancel {run}` cancels it" in told
    assert working.jobs(run)[0].state == "running"


def test_gates_open_and_limits_hold(working: Desk) -> None:
    first = working.submit("--shell", "--", "sleep 0.3; echo done > first")
    group = working.submit(
        "-g", "pair", "-S", "n=1..2", "--after", first, "--shell", "--", "cat first; echo {n}"
    )
    last = working.submit("--after", "pair", "--after", f"{first}:any", "--", "cat", "first")
    stopped = working.submit("-t", "0.3s", "--", "sleep", "60")
    cleanup = working.submit("--after", f"{stopped}:fail", "--", "true")
    held = working.submit("--hold", "--", "true")
    later = working.submit("--at", "+1h", "--", "true")
    assert working.type("wait", last).returncode == 0
    assert working.type("wait", cleanup).returncode == 0
    assert [job.state for job in working.jobs(group)] == ["succeeded", "succeeded"]
    assert working.jobs(stopped)[0].cause == "timeout"
    assert [working.jobs(run)[0].state for run in (held, later)] == ["queued", "queued"]


def test_a_failure_is_tried_again_as_it_was_asked(working: Desk) -> None:
    line = '[ "$RUNFORGE_ATTEMPT" = 2 ]'
    run = working.submit("--retry", "2:exit", "--backoff", "0s", "--wait", "--shell", "--", line)
    job = working.jobs(run)[0]
    assert (job.state, job.attempt) == ("succeeded", 2)


def test_start_starts_a_daemon_and_nothing_else_does(desk: Desk) -> None:
    run = desk.submit("--", "true")
    assert "`runforge daemon --detach` starts one" in desk.told
    assert desk.jobs(run)[0].state == "queued"
    try:
        desk.submit("--start", "--wait", "--", "true")
        assert "Daemon is up, pid " in desk.told
        wait_until(lambda: desk.jobs(run)[0].state == "succeeded", "the first run is done too")
        desk.submit("--start", "--", "true")
        assert "Daemon is up" not in desk.told
    finally:
        desk.type("stop-daemon")
