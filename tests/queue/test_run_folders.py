"""The folders of runs are durable before the journal knows them, and theirs once it does."""

from __future__ import annotations

import json
import os

import pytest

from runforge import clock, failpoints, ids
from runforge.errors import CanceledByUser
from runforge.queue import wakeup
from runforge.store.journal import Journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.synced import Synced
from tests.tui.kit import enqueue

#: So many runs are queued in one transaction; the numbers of more are reserved in one before.
FEW, MANY = 8, 9
TRANSACTIONS = {FEW: 1, MANY: 2}


@pytest.mark.parametrize("count", TRANSACTIONS)
@pytest.mark.parametrize(
    ("point", "told"), [("tx.written", "nothing was enqueued"), ("tx.committed", "in the queue already")]
)
def test_an_interrupt_around_the_commit_keeps_the_folders_of_known_runs_alone(
    ws: Workspace, point: str, told: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[str] = []

    def interrupted(name: str) -> None:
        passed.append(name)
        if name == point and passed.count(name) == TRANSACTIONS[count]:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "hit", interrupted)
        with pytest.raises(CanceledByUser, match=told):
            enqueue(ws, runs=count)
    jobs = lists.jobs(ws)
    assert len(jobs) == (count if point == "tx.committed" else 0)
    assert sorted(os.listdir(ws.runs_dir)) == sorted(job.run_id for job in jobs)
    for job in jobs:
        assert json.loads((ws.root / job.run_dir / "request.json").read_bytes())


@pytest.mark.parametrize("count", TRANSACTIONS)
def test_everything_is_synced_before_the_jobs_are_made(
    ws: Workspace, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = Synced(monkeypatch)
    before: list[set[str]] = []
    really = failpoints.hit

    def noted(name: str) -> None:
        if name == "tx.written":
            before.append({sync.path for sync in synced.all if sync.size})
        really(name)

    monkeypatch.setattr(failpoints, "hit", noted)
    group = ws.group_dir(enqueue(ws, runs=count))
    wanted = {ws.runs_dir, group, group.parent, group / "plan.json"}
    wanted |= {ws.root / job.run_dir / "request.json" for job in lists.jobs(ws)}
    assert {str(path) for path in wanted} <= before[TRANSACTIONS[count] - 1]
    assert len(before) == TRANSACTIONS[count]


@pytest.mark.parametrize("count", TRANSACTIONS)
def test_no_run_gets_a_folder_that_a_killed_command_has_left(
    ws: Workspace, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock.now()
    monkeypatch.setattr(clock, "now", lambda: now)  # all in the same second
    left = ws.run_dir(ids.sweep_run_id(now, 2))
    left.mkdir()
    enqueue(ws, runs=count)
    jobs = lists.jobs(ws)
    assert len({job.run_id for job in jobs}) == len(jobs) == count
    assert left.name not in {job.run_id for job in jobs}
    assert list(left.iterdir()) == []


def test_the_daemon_is_called_before_anything_else_is_done(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[bool] = []

    def looked(self: Journal) -> None:
        try:
            rung.append(bell.recv(1) == b"\x01")
        except BlockingIOError:
            rung.append(False)
        really(self)

    really = Journal.close
    enqueue(ws, runs=1)
    bell = wakeup.listen(ws.doorbell)
    with bell, monkeypatch.context() as patched:
        patched.setattr(Journal, "close", looked)
        enqueue(ws, runs=1)
    assert rung[0]
