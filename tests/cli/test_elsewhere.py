"""A login node that has the workspace but not its journal: `queue-status` reads the exports, all else names the machine."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runforge import clock
from runforge import workspace as workspaces
from runforge.cli.setup import make_workspace
from runforge.drills.plans import plan, request
from runforge.queue.submit import enqueue_sweep
from runforge.views import elsewhere
from runforge.workspace import Workspace

pytestmark = pytest.mark.slow
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def away(tmp_path: Path) -> Workspace:
    """A queue of two runs, whose journal is on login1."""
    ws = make_workspace(tmp_path / "ws")
    document = plan(ws.root, request(), {"type": "list", "runs": [{}, {}]}, name="two")
    apart = workspaces.at(ws.root, state_dir=tmp_path / "state")
    enqueue_sweep(apart, json.dumps(document).encode(), where="plan")
    (ws.hidden / "state_dir").write_text(f"{tmp_path / 'state'}\nlogin1\n")
    (tmp_path / "state").rename(tmp_path / "on-login1")
    return workspaces.at(ws.root)


def test_queue_status_reads_the_exports_and_says_whose(away: Workspace, cli: Run) -> None:
    done = cli("queue-status", "-w", away.root)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    here = os.uname().nodename
    assert lines[0] == f"Journal  on login1 ({away.state_dir}); this is {here}. Change the queue there"
    assert lines[1] == "Daemon   stopped on login1"
    assert lines[2] == "Jobs     2 queued, 0 running, 0 succeeded, 0 failed, 0 canceled"
    runs = [job["run_id"] for job in json.loads(away.queue_json.read_bytes())["jobs"]]
    assert all(run_id in done.stdout for run_id in runs)
    said = json.loads(cli("queue-status", "--json", "-w", away.root).stdout)["data"]["elsewhere"]
    assert (said["host"], said["counts"]["queued"], len(said["jobs"])) == ("login1", 2, 2)


def test_other_commands_name_the_machine(away: Workspace, cli: Run) -> None:
    done = cli("jobs", "-w", away.root)
    assert done.returncode != 0
    assert f"the journal of this workspace is on login1 ({away.state_dir})" in done.stderr
    assert "`runforge queue-status` works here too" in done.stderr


@pytest.mark.parametrize(
    ("age", "state", "told"),
    [(3, "running", "running"), (90, "running", "silent"), (90, "stopped", "stopped")],
)
def test_what_the_daemon_said_last(away: Workspace, age: int, state: str, told: str) -> None:
    beat = clock.later(clock.now(), -age)
    said = {"last_heartbeat": beat, "state": state, "backend_problem": "Slurm has not answered"}
    away.daemon_json.write_text(json.dumps(said))
    found = elsewhere.found(away)
    assert found is not None
    assert (found.daemon, found.backend_problem) == (told, "Slurm has not answered")
    assert found.age == pytest.approx(age, abs=60)


def test_exports_that_cannot_be_read(away: Workspace, cli: Run) -> None:
    away.queue_json.unlink()
    done = cli("queue-status", "-w", away.root)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "on login1" in done.stderr
