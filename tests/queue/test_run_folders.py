"""The folders of runs are durable before the journal knows them, and theirs once it does."""

from __future__ import annotations

import json
import os

import pytest

from runforge import failpoints
from runforge.errors import CanceledByUser
from runforge.queue import submit
from runforge.views import lists
from runforge.workspace import Workspace
from tests.synced import Synced
from tests.tui.kit import enqueue

#: Numbers are reserved in a transaction of their own, before the one that makes the jobs.
SECOND = 2


@pytest.mark.parametrize(
    ("point", "told"), [("tx.written", "nothing was enqueued"), ("tx.committed", "in the queue already")]
)
def test_an_interrupt_around_the_commit_keeps_the_folders_of_known_runs_alone(
    ws: Workspace, point: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed: list[str] = []

    def interrupted(name: str) -> None:
        passed.append(name)
        if name == point and passed.count(name) == SECOND:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(failpoints, "hit", interrupted)
        with pytest.raises(CanceledByUser, match=told):
            submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    jobs = lists.jobs(ws)
    assert bool(jobs) == (point == "tx.committed")
    assert sorted(os.listdir(ws.runs_dir)) == sorted(job.run_id for job in jobs)
    for job in jobs:
        assert json.loads((ws.root / job.run_dir / "request.json").read_bytes())


def test_everything_is_synced_before_the_jobs_are_made(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = Synced(monkeypatch)
    before: list[set[str]] = []
    really = failpoints.hit

    def noted(name: str) -> None:
        if name == "tx.begun":
            before.append({sync.path for sync in synced.all if sync.size})
        really(name)

    monkeypatch.setattr(failpoints, "hit", noted)
    group = ws.group_dir(enqueue(ws, runs=3))
    wanted = {ws.runs_dir, group, group.parent, group / "plan.json"}
    wanted |= {ws.root / job.run_dir / "request.json" for job in lists.jobs(ws)}
    assert {str(path) for path in wanted} <= before[SECOND - 1]
