"""A workspace that the older program has left, with a queue.json and no journal: it is taken over once, whole."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge import clock
from runforge import workspace as workspaces
from runforge.cli import samples
from runforge.errors import OperationFailed
from runforge.exports import exporter as exporting
from runforge.queue import submit
from runforge.store import verify
from runforge.views import lists
from runforge.workspace import Workspace
from tests.e2e.test_commands import Cli

pytestmark = pytest.mark.slow

GROUP = "grp_20250101_101010_old"
TIME = "2025-01-01T10:10:10.000Z"


def job(number: int, state: str, group: str | None = GROUP, **more: Any) -> dict[str, Any]:
    """A job as the older program wrote it."""
    is_over = state not in {"queued", "running"}
    return {
        "job_id": f"job_20250101_101010_{number:04d}",
        "kind": "run",
        "run_id": f"20250101-101010-sweep-{number:04d}",
        "group_id": group,
        "priority": 0,
        "state": state,
        "requires_gpu": False,
        "created_at": TIME,
        "started_at": TIME if state != "queued" else None,
        "finished_at": TIME if is_over else None,
        "error": "exit code 1" if state == "failed" else None,
        **more,
    }


def leave(root: Path, jobs: list[Any], *, paused: bool = False) -> None:
    """Leave a queue of the older program: its queue.json, one group, and the folders of its runs."""
    hidden = root / ".runforge"
    known = [each for each in jobs if isinstance(each, dict) and "run_id" in each]
    queue = {"version": 1, "kind": "execution_queue", "max_parallel": 2, "gpu_slots": 1, "jobs": jobs}
    runs = [
        {"run_id": each["run_id"], "status": each["state"], "request_overrides": {"model.x": 1}}
        for each in known
        if each["group_id"] == GROUP
    ]
    group = {
        "version": 1,
        "kind": "run_group",
        "group_id": GROUP,
        "name": "old",
        "created_at": TIME,
        "created_by": "older@1.0",
        "plan_ref": "plan.json",
        "paused": paused,
        "execution": {"max_parallel": 3, "started_at": TIME, "finished_at": None, "cancelled": False},
        "runs": runs,
    }
    for folder in ("queue", f"groups/{GROUP}"):
        (hidden / folder).mkdir(parents=True, exist_ok=True)
    hidden.chmod(0o700)
    (hidden / "queue/queue.json").write_text(json.dumps(queue, indent=2), "utf-8")
    (hidden / f"groups/{GROUP}/group.json").write_text(json.dumps(group, indent=2), "utf-8")
    request = {**samples.request(), "model": {"family": "command", "command": ["true"]}}
    for each in known:
        run_dir = root / ".ml" / "runs" / str(each["run_id"])
        if "/" not in str(each["run_id"]):
            run_dir.mkdir(parents=True, exist_ok=True)
            (run_dir / "request.json").write_text(json.dumps(request), "utf-8")


ALL = [job(1, "succeeded"), job(2, "failed"), job(3, "running"), job(4, "queued"), job(5, "queued", None)]


def in_order(ws: Workspace) -> None:
    assert verify.check(ws) == []
    assert exporting.check(ws) == []


@pytest.mark.parametrize("words", [["queue-status"], ["jobs"], ["pause-group", "--group-id", GROUP]])
def test_the_first_command_takes_it_over_and_says_so_once(ws: Workspace, cli: Cli, words: list[str]) -> None:
    leave(ws.root, ALL)
    before = ws.queue_json.read_bytes()
    first = cli(*words, "-w", ws.root)
    assert first.returncode == 0, first.stderr
    assert "5 jobs, 2 of them waiting, and 1 groups" in first.stderr
    assert first.stderr.count("\n") == 1
    assert cli("queue-status", "-w", ws.root).stderr == ""
    assert [each.state for each in lists.jobs(ws)] == ["succeeded", "failed", "failed", "queued", "queued"]
    assert "older program" in str(lists.jobs(ws)[2].error)
    (group,) = lists.groups(ws)
    assert (group.group_id, group.name, group.succeeded, group.failed) == (GROUP, "old", 1, 2)
    assert (ws.queue_dir / "queue.json.older").read_bytes() == before
    in_order(ws)


def test_a_daemon_runs_what_waited(here: Arena) -> None:
    leave(here.root, ALL)
    here.daemon(2)
    ws = workspaces.at(here.root)
    here.until(lambda: all(each.finished_at for each in lists.jobs(ws)), "all have ended")
    assert [each.state for each in lists.jobs(ws)] == [
        "succeeded",
        "failed",
        "failed",
        "succeeded",
        "succeeded",
    ]
    assert "took over" in here.said(here.daemons[0])
    # The numbers continue after those of the older program.
    group = here.sweep(1, name="new")
    assert here.jobs(group)[0]["job_id"].endswith("_0006")
    here.finish()


def test_a_paused_group_stays_paused_and_its_runs_keep_what_was_changed_for_them(
    ws: Workspace, cli: Cli
) -> None:
    leave(ws.root, ALL, paused=True)
    assert cli("queue-status", "-w", ws.root).returncode == 0
    assert lists.groups(ws)[0].paused
    assert lists.jobs(ws)[3].overrides == {"model.x": 1}
    assert lists.jobs(ws)[3].run_dir.startswith(".ml/runs/")


def test_of_a_run_that_was_retried_the_last_job_counts(ws: Workspace, cli: Cli) -> None:
    leave(
        ws.root,
        [job(1, "failed"), job(2, "succeeded"), {**job(1, "queued"), "job_id": "job_20250101_101010_0009"}],
    )
    assert cli("queue-status", "-w", ws.root).returncode == 0
    assert [(each.job_id[-4:], each.state) for each in lists.jobs(ws)] == [
        ("0002", "succeeded"),
        ("0009", "queued"),
    ]


@pytest.mark.parametrize(
    "hostile",
    [
        "no job",
        {},
        job(1, "queued", run_id="../../etc"),
        job(1, "queued", run_id=7),
        job(1, "queued", job_id=None),
        job(1, "unheard-of", error=["x"], attempt=10**30, priority=2**80, created_at="yesterday"),
        job(1, "cancelled", finished_at=5, attempt=-1, group_id=["x"]),
        job(1, "queued", "grp_that_has_no_file", requires_gpu="yes"),
        job(1, "queued", "../up"),
    ],
)
def test_whatever_stands_in_it_the_rest_is_taken_over(ws: Workspace, cli: Cli, hostile: Any) -> None:
    leave(ws.root, [hostile, job(2, "queued")])
    done = cli("queue-status", "-w", ws.root)
    assert done.returncode == 0, done.stderr
    assert job(2, "queued")["run_id"] in {each.run_id for each in lists.jobs(ws)}
    in_order(ws)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"kind": "else", "jobs": []}', '{"kind": "execution_queue"}']
)
def test_what_is_no_queue_is_refused_and_left_alone(ws: Workspace, cli: Cli, text: str) -> None:
    ws.queue_json.write_text(text, "utf-8")
    for words in (
        ["queue-status"],
        ["enqueue-sweep", "--plan", ws.root / "plan.json"],
        ["daemon", "--detach"],
    ):
        done = cli(*words, "-w", ws.root)
        assert done.returncode == 1, done.stdout
        assert str(ws.queue_json) in done.stderr
        assert "Move the file away" in done.stderr
    assert ws.queue_json.read_text("utf-8") == text
    assert not ws.journal.exists()


def test_while_its_daemon_lives_nothing_is_touched(ws: Workspace, cli: Cli) -> None:
    leave(ws.root, ALL)
    before = ws.queue_json.read_bytes()
    daemon = {"version": 1, "pid": os.getpid(), "state": "running", "last_heartbeat": clock.now()}
    ws.daemon_json.write_text(json.dumps(daemon), "utf-8")
    done = cli("queue-status", "-w", ws.root)
    assert done.returncode == 1
    assert f"pid {os.getpid()}" in done.stderr
    with pytest.raises(OperationFailed, match="the queue of the older program"):
        submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    assert (ws.queue_json.read_bytes(), ws.journal.exists()) == (before, False)
    ws.daemon_json.write_text(json.dumps({**daemon, "last_heartbeat": TIME}), "utf-8")
    assert cli("queue-status", "-w", ws.root).returncode == 0
