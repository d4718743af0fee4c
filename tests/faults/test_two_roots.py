"""Workspaces with their state folder elsewhere, copied and moved: two roots never share a journal."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge import clock
from runforge import workspace as workspaces
from runforge.cli.setup import make_workspace
from runforge.drills.plans import plan, request
from runforge.errors import Missing
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.tui.kit import enqueue

pytestmark = pytest.mark.slow

Cli = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def apart(tmp_path: Path) -> Workspace:
    """A workspace whose journal lies in another folder, with two runs."""
    made = make_workspace(tmp_path / "root", tmp_path / "state")
    enqueue(made, runs=2)
    return made


def copied(ws: Workspace) -> Path:
    to = ws.root.with_name("copy")
    shutil.copytree(ws.root, to, symlinks=True)
    return to


@pytest.mark.parametrize(
    "command",
    [
        "queue-status",
        "daemon",
        "daemon --detach",
        "enqueue-sweep --plan PLAN",
        "doctor",
        "prune --older-than 1s -y",
    ],
)
def test_a_copy_is_refused_and_the_original_goes_on(apart: Workspace, cli: Cli, command: str) -> None:
    copy = copied(apart)
    words = command.replace("PLAN", str(copy / "plan.json")).split()
    done = cli(*words, "-w", copy)
    assert done.returncode == 3, done.stdout + done.stderr
    assert f"belongs to the workspace at {apart.root}" in done.stderr
    assert "--state-dir FOLDER --new-journal" in done.stderr
    assert len(lists.jobs(workspaces.at(apart.root))) == 2


def test_a_copy_gets_a_queue_of_its_own(apart: Workspace, cli: Cli, tmp_path: Path) -> None:
    copy = copied(apart)
    refused = cli("init", copy, "--state-dir", apart.state_dir)
    assert (refused.returncode, str(apart.root) in refused.stderr) == (3, True)
    done = cli("init", copy, "--state-dir", tmp_path / "other", "--new-journal")
    assert done.returncode == 0, done.stderr
    assert lists.jobs(workspaces.at(copy)) == []
    second = lists.jobs(workspaces.at(apart.root))[0].created_at[:19]
    wait_until(
        lambda: clock.now()[:19] != second, "ids of another second"
    )  # its folders came along with the copy
    enqueue(workspaces.at(copy), runs=3)
    assert len(lists.jobs(workspaces.at(copy))) == 3
    assert len(lists.jobs(workspaces.at(apart.root))) == 2


def test_a_workspace_that_was_renamed_takes_its_journal_along(apart: Workspace) -> None:
    there = apart.root.with_name("renamed")
    apart.root.rename(there)
    assert len(lists.jobs(workspaces.at(there))) == 2
    shutil.copytree(there, apart.root)  # a copy where the original was
    with pytest.raises(Missing, match="belongs to the workspace at"):
        workspaces.at(apart.root)
    assert len(lists.jobs(workspaces.at(there))) == 2


def test_a_copy_whose_original_is_gone_says_how_to_go_on(apart: Workspace, cli: Cli) -> None:
    copy = copied(apart)
    shutil.rmtree(apart.root)
    refused = cli("queue-status", "-w", copy)
    assert refused.returncode == 3
    assert f"`runforge init {copy} --state-dir {apart.state_dir}`" in refused.stderr
    assert cli("init", copy, "--state-dir", apart.state_dir).returncode == 0
    assert len(lists.jobs(workspaces.at(copy))) == 2


def test_an_original_that_comes_back_is_told_that_its_folder_has_gone_over(
    apart: Workspace, cli: Cli
) -> None:
    copy, away = copied(apart), apart.root.with_name("away")
    apart.root.rename(away)
    assert cli("init", copy, "--state-dir", apart.state_dir).returncode == 0
    away.rename(apart.root)
    with pytest.raises(Missing, match=f"belongs to the workspace at {copy}"):
        workspaces.at(apart.root)


def test_the_folder_of_another_workspace_is_refused(apart: Workspace, ws: Workspace) -> None:
    with pytest.raises(Missing, match="belongs to the workspace at"):
        workspaces.at(ws.root, state_dir=apart.state_dir)
    enqueue(ws, runs=2)
    other = make_workspace(ws.root.parent / "other")
    with pytest.raises(Missing, match=f"belongs to the workspace at {ws.root}"):
        workspaces.at(other.root, state_dir=ws.hidden)  # with no note in it: it is another's own
    assert workspaces.at(other.root) == other


def test_its_own_hidden_folder_is_named_by_no_path(ws: Workspace) -> None:
    assert workspaces.at(ws.root, state_dir=ws.hidden) == ws
    moved = ws.root.rename(ws.root.with_name("moved"))
    assert workspaces.at(moved).state_dir == moved / ".runforge"


def test_the_daemon_of_a_workspace_that_moves_launches_nothing_more(here: Arena, tmp_path: Path) -> None:
    here.run("init", str(here.root), "--state-dir", str(tmp_path / "state"))
    witness = tmp_path / "witness"
    script = ["/bin/sh", "-c", 'echo >>"$0"; sleep 1', str(witness)]
    command = request(family="command", command=script, hyperparameters={"n": 0})
    runs = [{"model.hyperparameters.n": number} for number in range(4)]
    group = here.enqueue(plan(here.root, command, {"type": "list", "runs": runs}, name="moving"), 4)
    daemon = here.daemon(1)
    here.until(witness.exists, "one is running")
    there = here.root.with_name("moved")
    os.rename(here.root, there)
    assert daemon.wait(20) == 4
    assert "the workspace was moved" in here.said(daemon)
    here.root = there
    here.daemon(1)
    here.until(
        lambda: here.in_state("running", group) + here.in_state("queued", group) == 0, "all have ended"
    )
    assert {job["run_id"]: job["error"] for job in here.jobs(group) if job["error"]} == {}
    here.finish()
