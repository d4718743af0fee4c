"""Links, folders, pipes and sockets instead of RunForge's files: refused or replaced, never followed."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.cli import samples
from runforge.queue import submit
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.e2e.test_commands import Cli

pytestmark = pytest.mark.slow

SECRET = "the victim's own words"


def _link(path: Path) -> None:
    path.symlink_to(victim_of(path))


def _socket(path: Path) -> None:
    # Bound by a short name: the path of a test may be longer than an address.
    here = os.open(path.parent, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as made:
        made.bind(f"/proc/self/fd/{here}/{path.name}")
    os.close(here)


PLANTS: dict[str, Callable[[Path], None]] = {
    "link": _link,
    "folder": Path.mkdir,
    "fifo": os.mkfifo,
    "socket": _socket,
}


def victim_of(path: Path) -> Path:
    """A file outside, of which nothing may be read or changed through the workspace."""
    while path.name != ".runforge":
        path = path.parent
    return path.parent.parent / "victim"


def plant(path: Path, kind: str) -> None:
    victim_of(path).write_text(SECRET)
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    path.unlink(missing_ok=True)
    PLANTS[kind](path)


def unharmed(path: Path, said: subprocess.CompletedProcess[str]) -> None:
    assert victim_of(path).read_text() == SECRET
    assert "Traceback" not in said.stderr
    assert SECRET not in said.stdout + said.stderr


@pytest.fixture
def queue(ws: Workspace) -> Workspace:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    return ws


#: What must be refused, as both a change and a look go through it.
NEEDED = ["runforge.db", "runforge.db-wal", "runforge.db-shm"]


@pytest.mark.parametrize("kind", PLANTS)
@pytest.mark.parametrize("name", [*NEEDED, "runforge.lock", "queue/daemon.lock", "state_dir"])
def test_what_truth_hangs_on_is_refused_by_its_path(queue: Workspace, cli: Cli, name: str, kind: str) -> None:
    path = queue.hidden / name
    plant(path, kind)
    done = cli("pause-group", "--group-id", "@last", "-w", queue.root)
    unharmed(path, done)
    assert done.returncode in {1, 3, 4}
    assert str(path) in done.stderr
    assert done.stderr.count("\n") == 1
    looked = cli("queue-status", "-w", queue.root)
    unharmed(path, looked)
    if name in NEEDED:
        assert str(path) in looked.stderr


@pytest.mark.parametrize("kind", PLANTS)
@pytest.mark.parametrize("name", ["queue/queue.json", "queue/daemon.json", "queue/export.lock"])
def test_exports_are_not_read_through_anything(queue: Workspace, cli: Cli, name: str, kind: str) -> None:
    path = queue.hidden / name
    plant(path, kind)
    for words in (["pause-group", "--group-id", "@last"], ["queue-status"]):
        done = cli(*words, "-w", queue.root)
        unharmed(path, done)
        assert done.returncode == 0, done.stderr
    assert lists.groups(queue)[0].paused
    looked = cli("doctor", "-w", queue.root)
    unharmed(path, looked)
    if name == "queue/queue.json" and kind == "folder":  # anything else has been replaced by the export
        assert f"{path} cannot be read" in looked.stdout
    elif name == "queue/queue.json":
        assert json.loads(path.read_text())["jobs"]
        assert not path.is_symlink()


@pytest.mark.parametrize("name", ["queue", "groups", "runs", "attempts"])
def test_a_linked_folder_is_refused_by_its_path(queue: Workspace, cli: Cli, name: str) -> None:
    elsewhere = queue.root.parent / "elsewhere"
    path = queue.hidden / name
    shutil.rmtree(path, ignore_errors=True)
    elsewhere.mkdir()
    path.symlink_to(elsewhere)
    for words in (["enqueue-sweep", "--plan", queue.root / "plan.json"], ["daemon"]):
        done = cli(*words, "-w", queue.root)
        assert done.returncode == 1
        assert f"{path}: is a symbolic link" in done.stderr
        assert done.stderr.count("\n") == 1
    assert list(elsewhere.iterdir()) == []


@pytest.mark.parametrize("kind", PLANTS)
def test_a_planted_request_is_refused(ws: Workspace, cli: Cli, kind: str) -> None:
    path = ws.run_dir("mine") / "request.json"
    path.parent.mkdir(parents=True)
    plant(path, kind)
    done = cli("enqueue-run", "--run-id", "mine", "-w", ws.root)
    unharmed(path, done)
    assert done.returncode == 2
    assert str(path) in done.stderr


def test_a_run_folder_that_is_a_link_is_refused(ws: Workspace, cli: Cli) -> None:
    real = ws.root.parent / "real"
    real.mkdir()
    (real / "request.json").write_bytes(samples.encode(samples.request()))
    (ws.run_dir("mine")).symlink_to(real)
    done = cli("enqueue-run", "--run-id", "mine", "-w", ws.root)
    assert done.returncode == 1
    assert f"{ws.run_dir('mine')}: is a symbolic link" in done.stderr


@pytest.mark.parametrize("kind", PLANTS)
def test_a_log_is_not_printed_through_anything(ws: Workspace, cli: Cli, kind: str) -> None:
    path = ws.run_dir("mine") / "logs.txt"
    path.parent.mkdir(parents=True)
    (path.parent / "request.json").write_bytes(samples.encode(samples.request()))
    assert cli("enqueue-run", "--run-id", "mine", "-w", ws.root).returncode == 0
    plant(path, kind)
    done = cli("logs", "mine", "-w", ws.root)
    unharmed(path, done)
    assert done.returncode in {1, 3}
    assert str(path) in done.stderr


@pytest.mark.parametrize("kind", PLANTS)
def test_a_daemon_and_its_runs_meet_them_everywhere(here: Arena, kind: str) -> None:
    """Under every name that daemon, supervisor and worker open; the run itself must not notice."""
    command = [sys.executable, "-c", "print('[RF:METRIC=loss 1]')"]
    group = here.sweep(1, name="planted", family="command", command=command, hyperparameters={})
    run_id = here.jobs(group)[0]["run_id"]
    ws, hidden = workspaces.at(here.root), here.root / ".runforge"
    # A folder in the place of a renamed file, or of the socket, is reported instead.
    planted = [hidden / "queue" / name for name in ("daemon.json", "queue.json", "doorbell.sock")]
    planted += [hidden / "runs" / run_id / name for name in ("logs.txt", "metrics.jsonl", "result.json")]
    if kind == "folder":
        planted = [path for path in planted if path.suffix != ".json" and path.name != "doorbell.sock"]
    for path in planted:
        plant(path, kind)
    here.daemon(1)
    wait_until(lambda: lists.jobs(ws)[0].finished_at, "it has ended", 40)
    assert lists.jobs(ws)[0].state == "succeeded", lists.jobs(ws)[0].error
    assert victim_of(planted[0]).read_text() == SECRET
    for path in planted:
        if path.name in {"result.json", "queue.json"}:
            assert not path.is_symlink()
            json.loads(path.read_text())
    here.stop_daemon()
