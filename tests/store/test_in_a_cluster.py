"""Jobs that were submitted to a cluster: queued to people until they begin; taken back; kept over upgrade and damage."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge import clock
from runforge.attempts import exit_record
from runforge.core.outcome import Ending, Grant, Progress
from runforge.core.records import Attempt, Job
from runforge.core.states import Cause, State
from runforge.exports.exporter import Exporter
from runforge.queue import hold
from runforge.store import edges, migrate, records, transitions, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.store.recovery.recover import recover
from runforge.views import glance, lists
from runforge.workspace import Workspace
from tests.store import old_journals
from tests.store.queue_kit import Kit, rows

BEGUN = "2026-11-26T16:00:00.000Z"


@pytest.fixture
def journal(bare_ws: Workspace) -> Iterator[Journal]:
    """A group with a run that waits in Slurm's queue, one that has begun there, and one that is queued."""
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as made:
        kit = Kit(made)
        kit.group("g")
        for name in ("waits", "begun", "queued"):
            kit.job(name, group="g")
        for slot, name in enumerate(("waits", "begun")):
            claim(made, name, slot)
        progress(made, "waits", Progress("slurm:here:7", "Priority"))
        progress(made, "begun", Progress("slurm:here:8", begun_at=BEGUN, node="n1"))
        yield made


def claim(journal: Journal, name: str, slot: int, place: str | None = "slurm") -> None:
    with journal.write() as tx:
        job = edges.known_job(tx, name)
        transitions.claim(tx, job, Grant(f"{name}{job.attempt}", 0, slot, place=place), clock.now())


def progress(journal: Journal, name: str, told: Progress) -> None:
    with journal.write() as tx:
        transitions.note_progress(tx, edges.known_job(tx, name), told, clock.now())


def job(journal: Journal, name: str) -> Job:
    with journal.read() as tx:
        return edges.known_job(tx, name)


def attempt(journal: Journal, name: str) -> Attempt:
    with journal.read() as tx:
        return records.attempt(tx.rows("attempts.of_job", job_id=name)[-1])


def end(journal: Journal, name: str, ending: Ending) -> None:
    with journal.write() as tx:
        known = edges.known_job(tx, name)
        move = transitions.requeue if ending.state is State.QUEUED else transitions.end
        move(tx, known, ending, clock.now())


def test_what_waits_in_the_cluster_is_queued_to_people(bare_ws: Workspace, journal: Journal) -> None:
    waits, begun = job(journal, "waits"), job(journal, "begun")
    assert (waits.state, waits.shown_state, waits.waiting) == (State.RUNNING, State.QUEUED, "Priority")
    assert (begun.shown_state, begun.waiting, begun.started_at) == (State.RUNNING, None, BEGUN)
    assert attempt(journal, "begun")[-3:] == ("slurm:here:8", BEGUN, "n1")
    summary = glance.queue_summary(bare_ws)
    assert (summary.counts["queued"], summary.counts["running"]) == (2, 1)
    assert (summary.groups[0].queued, summary.groups[0].running) == (2, 1)
    assert [each.state for each in lists.jobs(bare_ws)] == ["queued", "running", "queued"]
    assert verify.check(bare_ws) == []


def test_the_files_say_where_a_run_is(bare_ws: Workspace, journal: Journal) -> None:
    Exporter(bare_ws, journal).write()
    shown = {each["job_id"]: each for each in json.loads(bare_ws.queue_json.read_text("utf-8"))["jobs"]}
    fields = ("state", "place", "node", "waiting", "started_at")
    assert [shown["waits"][name] for name in fields] == ["queued", "slurm:here:7", None, "Priority", None]
    assert [shown["begun"][name] for name in fields] == ["running", "slurm:here:8", "n1", None, BEGUN]
    assert [shown["queued"][name] for name in fields] == ["queued", None, None, None, None]
    group = json.loads((bare_ws.group_dir("g") / "group.json").read_text("utf-8"))
    assert [run["status"] for run in group["runs"]] == ["queued", "running", "queued"]


def test_a_reason_that_comes_late_makes_no_begun_run_wait(journal: Journal) -> None:
    progress(journal, "begun", Progress("slurm:here:8", "Resources"))
    assert job(journal, "begun").waiting is None


def test_what_is_to_be_taken_back(bare_ws: Workspace, journal: Journal) -> None:
    def wanted(*, is_full: bool = False) -> list[str]:
        with journal.read() as tx:
            return [row["job_id"] for row in tx.rows("jobs.to_recall", is_full=int(is_full))]

    assert wanted(is_full=True) == []
    with journal.write() as tx:
        tx.run("jobs.set_priority", job_id="queued", priority=5, now=clock.now())
    assert (wanted(), wanted(is_full=True)) == ([], ["waits"])
    with journal.write() as tx:
        tx.run("groups.set_paused", group_id="g", is_paused=1, now=clock.now())
    assert wanted() == ["waits"]
    with journal.write() as tx:
        tx.run("groups.set_paused", group_id="g", is_paused=0, now=clock.now())
    assert hold.hold(bare_ws, ["waits"]).changed[0].recalled == 2
    assert hold.hold(bare_ws, ["begun"]).skipped[0][1] == "already running"
    assert wanted() == ["waits"]
    end(journal, "waits", Ending(State.QUEUED, Cause.POSTPONED, "taken back"))
    back = job(journal, "waits")
    assert (back.waiting, back.recalled, back.lost, back.attempt) == (None, 0, 0, 2)


def test_a_preempted_attempt_costs_no_chance_and_a_lost_one_does(journal: Journal) -> None:
    end(journal, "begun", Ending(State.QUEUED, Cause.PREEMPTED, "preempted"))
    assert job(journal, "begun").lost == 0
    claim(journal, "begun", 1)
    end(journal, "begun", Ending(State.QUEUED, Cause.LOST, "lost"))
    assert job(journal, "begun").lost == 1


@pytest.mark.usefixtures("journal")
def test_a_journal_of_version_4_is_opened_unharmed(bare_ws: Workspace, journal: Journal) -> None:
    for name in ("waits", "begun"):
        end(journal, name, Ending(State.SUCCEEDED, Cause.EXIT, exit_code=0))
    claim(journal, "queued", 0, place=None)
    journal.close()
    old_journals.bring_back(bare_ws.journal, 4)
    query = "SELECT job_id, state, attempt, started_at, updated_at FROM jobs ORDER BY seq"
    before = rows(bare_ws.journal, query)
    assert rows(bare_ws.journal, "PRAGMA user_version") == [(4,)]
    with open_journal(bare_ws) as again:
        assert rows(bare_ws.journal, "PRAGMA user_version") == [(migrate.NEWEST,)]
        assert rows(bare_ws.journal, query) == before
        assert job(again, "queued").shown_state is State.RUNNING
        assert attempt(again, "queued").place is None
        with again.read() as tx:
            assert records.daemon(tx.row("journal.daemon")).backend == "local"
    assert verify.check(bare_ws) == []


def test_a_lost_journal_comes_back_with_what_was_submitted(bare_ws: Workspace, journal: Journal) -> None:
    Exporter(bare_ws, journal).write()
    for name in ("waits", "begun"):
        folder = bare_ws.attempt_dir(name, 1)
        folder.mkdir(parents=True)
        exit_record.allocate(folder)
        (folder / "spec.json").write_text(json.dumps({"run_id": name, "attempt": 1, "token": f"{name}1"}))
    journal.close()
    bare_ws.journal.write_bytes(b"no journal any more")
    for suffix in ("-wal", "-shm"):
        Path(f"{bare_ws.journal}{suffix}").unlink(missing_ok=True)
    recover(bare_ws)
    with open_journal(bare_ws) as again:
        assert (job(again, "waits").state, job(again, "waits").waiting) == (State.RUNNING, "Priority")
        assert (job(again, "begun").state, job(again, "begun").waiting) == (State.RUNNING, None)
        assert [attempt(again, name).token for name in ("waits", "begun")] == ["waits1", "begun1"]
        with again.read() as tx:
            assert dict(tx.row("attempts.elsewhere")) == {"here": 0, "there": 2}
    assert verify.check(bare_ws) == []
