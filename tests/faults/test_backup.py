"""Backups of a live journal, and a journal that is older than its runs."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.store import verify
from runforge.views import glance
from runforge.workspace import Workspace
from tests.tui.kit import enqueue

pytestmark = pytest.mark.slow
Cli = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_backup_of_a_live_journal_takes_its_place(here: Arena, cli: Cli, tmp_path: Path) -> None:
    here.daemon(2)
    group = here.sweep(4, name="kept", seconds=0.1)
    to = tmp_path / "copy.db"
    done = cli("backup", to, "--workspace", here.root)
    assert (done.returncode, "4 jobs" in done.stdout) == (0, True), done.stderr
    assert to.stat().st_mode & 0o777 == 0o600
    here.until_ended(group, "completed")
    here.stop_daemon()
    workspace = workspaces.at(here.root)
    to.replace(workspace.journal)
    assert verify.check(workspace) == []
    here.daemon(2)
    here.until_ended(group, "completed")


def test_a_backup_refuses_what_is_there(ws: Workspace, cli: Cli, tmp_path: Path) -> None:
    enqueue(ws, runs=2)
    taken = tmp_path / "taken"
    taken.write_text("mine")
    done = cli("backup", taken, "--workspace", ws.root)
    assert (done.returncode, taken.read_text()) == (1, "mine")
    assert f"{taken} exists" in done.stderr
    done = cli("backup", tmp_path / "no" / "copy", "--workspace", ws.root)
    assert done.returncode == 1
    assert "is not a folder" in done.stderr
    assert sorted(os.listdir(tmp_path)) == ["taken", "ws"]


def test_doctor_names_runs_that_a_deleted_wal_has_taken(ws: Workspace, cli: Cli, tmp_path: Path) -> None:
    enqueue(ws, name="first", runs=2)
    older = tmp_path / "older"
    assert cli("backup", older, "--workspace", ws.root).returncode == 0
    enqueue(ws, name="second", runs=3)
    assert "unknown to the journal" not in cli("doctor", "--workspace", ws.root).stdout
    for suffix in ("-wal", "-shm"):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)
    older.replace(ws.journal)
    done = cli("doctor", "--workspace", ws.root)
    assert "3 runs unknown to the journal" in done.stdout
    assert sum(glance.queue_summary(ws).counts.values()) == 2
