"""RunForge is upgraded while runs are running: the old journal is migrated, and their outcomes stay true."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from gauntlets.plans import grid, plan, request
from runforge import workspace
from runforge.store import migrate
from runforge.store.sqlite import sqlite
from tests.store import old_journals

#: Says that it has started, and waits until the file is there.
WAITS = "import os,sys,time\nopen(f'{sys.argv[1]}-{os.getpid()}', 'w')\nwhile not os.path.exists(sys.argv[1]): time.sleep(0.02)"


@pytest.mark.parametrize("version", [1, 2])
def test_runs_that_go_on_while_the_journal_is_migrated_are_taken_over(
    here: Arena, tmp_path: Path, version: int
) -> None:
    marker = tmp_path / "marker"
    command = [sys.executable, "-c", WAITS, str(marker)]
    groups = []
    for device in ("gpu", "cpu"):
        base = request(device=device, family="command", command=command)
        document = plan(here.root, base, grid(3, "model.hyperparameters.n"), name=device)
        groups.append(here.enqueue(document, 3))
    here.daemon(3, 1)
    here.until(lambda: len(list(tmp_path.glob("marker-*"))) == 3, "three runs go on")
    here.until(lambda: here.in_state("running") == 3, "the files say so")
    here.kill_daemon()
    running = [(job["run_id"], job["attempt"]) for job in here.jobs() if job["state"] == "running"]
    path = workspace.at(here.root).journal
    old_journals.bring_back(path, version)

    assert "0 succeeded" in here.run("queue-status", "--workspace", str(here.root))
    assert _look(path, "PRAGMA user_version") == [(migrate.NEWEST,)]
    assert len(_look(path, "SELECT * FROM slots")) == 3
    assert len(_look(path, "SELECT * FROM device_grants WHERE device IS NULL")) == 1
    backup = path.with_name(f"{path.name}.bak-{version}")
    assert _look(backup, "PRAGMA user_version") == [(version,)]
    assert len(_look(backup, "SELECT * FROM slots")) == (4 if version == 1 else 3)

    here.daemon(3, 1)
    marker.touch()
    for group in groups:
        here.until_ended(group, "completed")
    ended = {(job["run_id"], job["attempt"]) for job in here.jobs()}
    assert set(running) <= ended
    assert all(attempt == 1 for _, attempt in ended)
    here.finish()


def _look(path: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite.connect(str(path), isolation_level=None)
    try:
        return [tuple(row) for row in connection.execute(query).fetchall()]
    finally:
        connection.close()
