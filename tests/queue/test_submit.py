"""A job's options reach its row, whichever way it is queued."""

from __future__ import annotations

import pytest

from runforge.cli import samples
from runforge.core.submission import Submission, like
from runforge.documents import strict_json
from runforge.errors import Missing
from runforge.queue import rerun, submit
from runforge.store import records
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.tui.kit import enqueue


def folder(ws: Workspace, run_id: str) -> None:
    (ws.runs_dir / run_id).mkdir(parents=True)
    (ws.runs_dir / run_id / "request.json").write_bytes(strict_json.dump(samples.request()))


def test_a_run_gets_every_option_and_its_copy_the_same(ws: Workspace) -> None:
    group = enqueue(ws, name="lr", runs=1)
    folder(ws, "mine")
    asked = Submission(group="lr", priority=7, dry_run_seconds=0.5, overrides='{"a": 1}')
    job = submit.enqueue_run(ws, "mine", asked)
    assert like(job) == asked._replace(group=group)
    assert like(rerun.rerun_one(ws, "mine")) == like(job)


def test_every_run_of_a_sweep_gets_the_options(ws: Workspace) -> None:
    plan = (ws.root / "plan.json").read_bytes()
    made = submit.enqueue_sweep(ws, plan, Submission(priority=3, dry_run_seconds=0.0), where="plan.json")
    with open_journal(ws) as journal, journal.read() as tx:
        jobs = [records.job(row) for row in tx.rows("jobs.of_group", group_id=made.group_id)]
    assert {(job.priority, job.dry_run_seconds) for job in jobs} == {(3, 0.0)}
    assert len({job.overrides for job in jobs}) == len(jobs) == len(made.run_ids)


def test_a_copy_that_is_refused_leaves_no_folder(ws: Workspace) -> None:
    folder(ws, "mine")
    submit.enqueue_run(ws, "mine")
    (ws.root / "data" / "train.csv").unlink()
    before = sorted(ws.runs_dir.iterdir())
    with pytest.raises(Missing):
        rerun.rerun_one(ws, "mine")
    assert sorted(ws.runs_dir.iterdir()) == before
