"""`enqueue-run` of a run that has ended, and into an unknown group."""

from __future__ import annotations

import json

import pytest

from gauntlets.arena import Arena
from runforge import clock
from runforge import workspace as workspaces
from runforge.cli import samples
from runforge.core.dependencies import Parent
from runforge.core.outcome import Ending, Grant
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.core.submission import USUAL, Submission
from runforge.documents import strict_json
from runforge.errors import InvalidRequest, OperationFailed
from runforge.exports import exporter as exporting
from runforge.queue import retry, submit
from runforge.store import edges, records, transitions, verify
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.e2e.test_commands import Cli

pytestmark = pytest.mark.slow

STAYS = (State.FAILED, State.CANCELED)


def folder(ws: Workspace, run_id: str = "mine", **changes: object) -> None:
    (ws.runs_dir / run_id).mkdir(parents=True, exist_ok=True)
    (ws.runs_dir / run_id / "request.json").write_bytes(strict_json.dump({**samples.request(), **changes}))


def ended(ws: Workspace, state: State, submission: Submission = USUAL) -> Job:
    """A run that a daemon has run to this end."""
    folder(ws)
    job = submit.enqueue_run(ws, "mine", submission)
    with open_journal(ws) as journal, journal.write() as tx:
        now = clock.now()
        transitions.claim(tx, job, Grant("token", 0, 0), now)
        error = None if state is State.SUCCEEDED else "told"
        running = records.job(tx.row("jobs.by_run_id", run_id="mine"))
        transitions.end(tx, running, Ending(state, Cause.EXIT, error), now)
    return job


def in_order(ws: Workspace) -> None:
    assert verify.check(ws) == []
    assert exporting.check(ws) == []


@pytest.mark.parametrize("state", STAYS)
def test_a_failed_or_canceled_one_is_retried(ws: Workspace, state: State) -> None:
    before = ended(ws, state, Submission(priority=3))
    after = submit.enqueue_run(ws, "mine")
    assert (after.job_id, after.state, after.attempt) == (before.job_id, State.QUEUED, 2)
    assert after.priority == 3
    in_order(ws)


def test_a_succeeded_one_gets_a_new_job_in_the_place_of_the_old_one(ws: Workspace) -> None:
    before = ended(ws, State.SUCCEEDED, Submission(group="mine-too", priority=3, overrides='{"a": 1}'))
    after = submit.enqueue_run(ws, "mine")
    assert after.job_id != before.job_id
    assert (after.state, after.attempt, after.group_id) == (State.QUEUED, 1, "mine-too")
    assert (after.priority, after.overrides) == (3, '{"a": 1}')
    assert [job.run_id for job in lists.jobs(ws)] == ["mine"]
    in_order(ws)


@pytest.mark.parametrize("state", [*STAYS, State.SUCCEEDED])
def test_what_a_job_cannot_change_makes_a_new_one(ws: Workspace, state: State) -> None:
    before = ended(ws, state)
    folder(ws, device={"type": "gpu"})
    after = submit.enqueue_run(ws, "mine", Submission(group="another", dry_run_seconds=0.0))
    assert after.job_id != before.job_id
    assert (after.requires_gpu, after.group_id, after.dry_run_seconds) == (True, "another", 0.0)
    in_order(ws)


def waiting_for(ws: Workspace, parent: Job, child: str) -> Job:
    """Queue a run that waits for another."""
    folder(ws, child)
    made = submit.enqueue_run(ws, child)
    with open_journal(ws) as journal, journal.write() as tx:
        transitions.depend(tx, made.job_id, [Parent("run", parent.job_id)], clock.now())
    return made


def end(ws: Workspace, job_id: str, state: State) -> None:
    with open_journal(ws) as journal, journal.write() as tx:
        transitions.claim(tx, edges.known_job(tx, job_id), Grant(f"token {job_id}", 0, 0), clock.now())
        transitions.end(tx, edges.known_job(tx, job_id), Ending(state, Cause.EXIT, None), clock.now())


def now(ws: Workspace, job_id: str) -> Job:
    with open_journal(ws) as journal, journal.read() as tx:
        return edges.known_job(tx, job_id)


def test_what_waited_for_a_run_waits_for_its_new_job(ws: Workspace) -> None:
    folder(ws)
    before = submit.enqueue_run(ws, "mine")
    child = waiting_for(ws, before, "child")
    end(ws, before.job_id, State.FAILED)
    assert now(ws, child.job_id).cause == Cause.DEPENDENCY
    folder(ws, device={"type": "gpu"})
    after = submit.enqueue_run(ws, "mine")
    assert after.job_id != before.job_id
    back = now(ws, child.job_id)
    assert (back.state, back.blockers, back.attempt) == (State.QUEUED, 1, 2)
    in_order(ws)
    end(ws, after.job_id, State.SUCCEEDED)
    assert now(ws, child.job_id).blockers == 0
    assert verify.check(ws) == []


def test_a_new_job_starts_no_sooner_than_the_old_one_might_have(ws: Workspace) -> None:
    folder(ws, "first")
    first = submit.enqueue_run(ws, "first")
    mine = waiting_for(ws, first, "mine")
    end(ws, first.job_id, State.FAILED)
    folder(ws, device={"type": "gpu"})
    with pytest.raises(OperationFailed, match="Retry that first"):
        submit.enqueue_run(ws, "mine")
    assert now(ws, mine.job_id).state is State.CANCELED
    retry.retry(ws, [first.job_id], alone=True)
    after = submit.enqueue_run(ws, "mine")
    assert (after.state, after.blockers) == (State.QUEUED, 1)
    in_order(ws)


def test_a_run_that_is_queued_is_refused(ws: Workspace) -> None:
    folder(ws)
    submit.enqueue_run(ws, "mine")
    with pytest.raises(OperationFailed, match="queued already"):
        submit.enqueue_run(ws, "mine")


def test_an_unknown_group_is_made_and_shown(ws: Workspace, cli: Cli) -> None:
    for run_id in ("one", "two"):
        folder(ws, run_id)
        done = cli("enqueue-run", "--run-id", run_id, "--group-id", "grp_of_a_client", "-w", ws.root)
        assert done.returncode == 0, done.stderr
    group = json.loads((ws.group_dir("grp_of_a_client") / "group.json").read_bytes())
    assert [run["run_id"] for run in group["runs"]] == ["one", "two"]
    assert (group["group_id"], group["name"]) == ("grp_of_a_client", "grp_of_a_client")
    assert cli("pause-group", "--group-id", "grp_of_a_client", "-w", ws.root).returncode == 0
    in_order(ws)


@pytest.mark.parametrize(
    ("name", "error"), [("@last", OperationFailed), ("../up", InvalidRequest), ("", InvalidRequest)]
)
def test_what_is_no_id_makes_no_group(ws: Workspace, name: str, error: type[Exception]) -> None:
    folder(ws)
    with pytest.raises(error):
        submit.enqueue_run(ws, "mine", Submission(group=name))
    assert lists.groups(ws) == []
    assert lists.jobs(ws) == []


def test_a_daemon_runs_it_again_and_keeps_what_it_left(here: Arena) -> None:
    ws = workspaces.at(here.root)
    ws.prepare()
    model = {"family": "command", "command": ["/bin/sh", "-c", "date +%s%N"]}
    folder(ws, model=model)
    here.daemon(1)
    log, words = ws.runs_dir / "mine" / "logs.txt", ["enqueue-run", "--run-id", "mine", "-w", str(here.root)]
    said = []
    for _ in range(3):
        here.run(*words)
        here.until(lambda: lists.jobs(ws)[0].state == "succeeded", "it has succeeded")
        said.append(log.read_text())
    kept = [path.read_text() for path in sorted((ws.runs_dir / "mine" / "previous").rglob("logs.txt"))]
    assert sorted(kept) == sorted(said[:2])
    assert len(set(said)) == 3
    here.finish()
