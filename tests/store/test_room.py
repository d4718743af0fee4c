"""What version 2 of the journal makes room for defends itself: devices, gates, open groups, needs."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from runforge import clock
from runforge.cli import samples
from runforge.core.outcome import DeviceGrant, Ending, Grant
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.core.states import Cause, State
from runforge.errors import RunForgeError
from runforge.queue import prune, retry
from runforge.queue.submit import enqueue_sweep
from runforge.store import records, transitions, verify
from runforge.store.failures import IllegalTransition
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.store.recovery import rebuild, salvage
from runforge.store.sqlite import SQLiteError
from runforge.views import lists
from runforge.workspace import Workspace


@pytest.fixture
def journal(ws: Workspace) -> Iterator[Journal]:
    """A queue of fourteen runs, all of which need two devices."""
    enqueue_sweep(ws, samples.encode(samples.plan(str(ws.root))), where="plan.json")
    with open_journal(ws) as made:
        with made.write() as tx:
            needs = Resources(gpus=2, vram_mb=1000)
            values = {"group_id": None, "lane_id": 1, "run_dir": "x", "overrides": "{}", "priority": 0}
            for name in ("first", "second", "third"):
                more = {"dry_run_seconds": None, "now": clock.now()}
                transitions.enqueue(tx, needs, job_id=name, run_id=name, **values, **more)
        yield made
    assert verify.check(ws) == []


def job(journal: Journal, name: str) -> Job:
    with journal.read() as tx:
        return records.job(tx.row("jobs.by_job_id", job_id=name))


def claim(journal: Journal, name: str, slot: int, *devices: DeviceGrant) -> None:
    with journal.write() as tx:
        transitions.claim(tx, job_in(tx, name), Grant(f"token-{name}", 0, slot, devices), clock.now())


def job_in(tx: object, name: str) -> Job:
    return records.job(tx.row("jobs.by_job_id", job_id=name))  # type: ignore[attr-defined]


def whole(slot: int, device: str | None) -> DeviceGrant:
    return DeviceGrant(slot, device)


def part(slot: int, device: str, share_mb: int = 0, memory_mb: int = 0) -> DeviceGrant:
    return DeviceGrant(slot, device, is_whole=False, share_mb=share_mb, memory_mb=memory_mb)


def test_a_run_holds_several_devices_and_its_end_frees_them(journal: Journal) -> None:
    claim(journal, "first", 0, whole(0, "A"), whole(1, "B"))
    with journal.write() as tx:
        assert records.attempt(tx.rows("attempts.running")[0]).devices == ("A", "B")
        assert [tuple(row)[:3] for row in tx.rows("attempts.grants")] == [
            (0, "first", "A"),
            (1, "first", "B"),
        ]
        transitions.end(tx, job_in(tx, "first"), Ending(State.SUCCEEDED, Cause.EXIT), clock.now())
        assert tx.rows("attempts.grants") == []
        assert records.attempt(tx.rows("attempts.of_job", job_id="first")[0]).devices == ("A", "B")


@pytest.mark.parametrize(
    "second",
    [
        (whole(2, "A"), whole(3, "C")),  # a device that another run has whole
        (whole(0, "C"), whole(3, "D")),  # a GPU slot that is taken
        (whole(2, "C"), whole(3, "C")),  # one device twice
    ],
)
def test_a_device_is_given_whole_once(journal: Journal, second: tuple[DeviceGrant, ...]) -> None:
    claim(journal, "first", 0, whole(0, "A"), whole(1, "B"))
    with pytest.raises(RunForgeError):
        claim(journal, "second", 1, *second)
    assert job(journal, "second").state is State.QUEUED
    claim(journal, "second", 1, whole(2, "C"), whole(3, "D"))


def test_a_shared_device_is_not_given_whole_and_a_whole_one_can_be_shared(journal: Journal) -> None:
    claim(journal, "first", 0, part(0, "A"), whole(1, "B"))
    with pytest.raises(RunForgeError):
        claim(journal, "second", 1, whole(2, "A"), whole(3, "C"))
    claim(journal, "second", 1, part(2, "A"), part(3, "B"))
    with journal.read() as tx:
        assert [row["share_mb"] for row in tx.rows("attempts.grants")] == [0] * 4
    for change in ("share_mb = NULL", "device = 'Z'", "job_id = 'third'"):
        with pytest.raises(SQLiteError, match="can only shrink"):
            journal.connection.execute(f"UPDATE device_grants SET {change} WHERE slot_no = 0")


def test_devices_that_nobody_granted_are_seen(ws: Workspace, journal: Journal) -> None:
    claim(journal, "first", 0, whole(0, "A"), whole(1, "B"))
    run = journal.connection.execute
    run("DELETE FROM device_grants WHERE slot_no = 1")
    assert any("holds 1 GPU slots and needs 2" in text for text in verify.check(ws))
    run("INSERT INTO device_grants (slot_no, job_id, device) VALUES (1, 'first', 'C')")
    assert any("was given ['A', 'B'] and holds" in text for text in verify.check(ws))
    run("DELETE FROM device_grants WHERE slot_no = 1")
    run("INSERT INTO device_grants (slot_no, job_id, device) VALUES (1, 'first', 'B')")


@pytest.mark.parametrize("gate", ["held = 1", "delayed = 1, not_before = '2030'"])
def test_a_gated_run_stays_queued_and_does_not_start(ws: Workspace, journal: Journal, gate: str) -> None:
    run = journal.connection.execute
    run(f"UPDATE jobs SET {gate} WHERE job_id = 'first'")
    with pytest.raises(IllegalTransition):
        claim(journal, "first", 0, whole(0, "A"), whole(1, "B"))
    with pytest.raises(SQLiteError, match="held, blocked or delayed cannot start"):
        run("UPDATE jobs SET state = 'running', started_at = 'x' WHERE job_id = 'first'")
    with journal.read() as tx:
        assert tx.row("jobs.totals")["queued"] == 17
    assert verify.check(ws) == []
    run("UPDATE jobs SET held = 0, delayed = 0, not_before = NULL WHERE job_id = 'first'")
    claim(journal, "first", 0, whole(0, "A"), whole(1, "B"))
    with journal.read() as tx:
        told = [json.loads(row["detail"]) for row in tx.rows("journal.entries_of_job", job_id="first")]
    assert told[0]["needs"] == Resources(gpus=2, vram_mb=1000).to_json()
    assert told[-2] == {"held": 0, "blockers": 0, "delayed": 0, "not_before": None}


def test_a_requeue_with_a_delay_is_one_change(journal: Journal) -> None:
    claim(journal, "first", 0, whole(0, "A"), whole(1, "B"))
    with journal.write() as tx:
        tx.run("attempts.free_devices", job_id="first")
        journal.connection.execute(
            "UPDATE jobs SET state = 'queued', attempt = 2, delayed = 1, not_before = '2030' WHERE job_id = 'first'"
        )
        assert verify.contradictions(tx) == []


def test_a_wrong_number_of_ready_jobs_is_seen(ws: Workspace, journal: Journal) -> None:
    run = journal.connection.execute
    run("UPDATE lane_shapes SET ready = ready + 1 WHERE lane_id = 1")
    assert any("lane 1: its ready jobs" in text for text in verify.check(ws))
    run("UPDATE lane_shapes SET ready = ready - 1 WHERE lane_id = 1")


def test_an_open_group_is_over_when_it_is_closed(ws: Workspace, journal: Journal) -> None:
    run = journal.connection.execute
    group_id = lists.groups(ws)[0].group_id
    run("UPDATE groups SET is_open = 1")
    with journal.write() as tx:
        for one in transitions.jobs_of_group(tx, group_id):
            transitions.cancel_queued(tx, [one], clock.now())
    assert (lists.groups(ws)[0].status, lists.groups(ws)[0].finished_at) == ("running", None)
    assert prune.prune(ws, -1).jobs == 0
    run("UPDATE groups SET is_open = 0")
    with journal.write() as tx:
        tx.run("groups.settle", group_id=group_id, now=clock.now(), has_succeeded=0)
    assert lists.groups(ws)[0].status == "canceled"
    assert lists.groups(ws)[0].finished_at is not None


def test_needs_and_gates_come_through_a_recovery(ws: Workspace, journal: Journal) -> None:
    run = journal.connection.execute
    claim(journal, "first", 0, part(0, "A", 1000), part(1, "B", 1000))
    claim(journal, "second", 1, part(2, "A", 1000), part(3, "B", 1000))
    run("UPDATE jobs SET held = 1, priority = 4 WHERE job_id = 'third'")
    run("UPDATE groups SET is_open = 1")
    tables = (
        "jobs",
        "shapes",
        "lanes",
        "groups",
        "attempts",
        "slots",
        "device_grants",
        "lane_shapes",
        "journal",
    )
    wanted = (
        "SELECT job_id, shape_id, held, state, priority FROM jobs",
        "SELECT slot_no, job_id, device, share_mb FROM device_grants",
    )
    before = [list(map(tuple, run(f"{query} ORDER BY 1").fetchall())) for query in wanted]
    journal.checkpoint()
    saved = salvage.read(ws.journal, {})
    assert rebuild.write(ws.journal.with_name("fresh.db"), saved) == []
    run("ATTACH ? AS fresh", (str(ws.journal.with_name("fresh.db")),))
    for table in tables:
        assert (
            run(f"SELECT count(*) FROM {table}").fetchone()[0]
            == run(f"SELECT count(*) FROM fresh.{table}").fetchone()[0]
        )
    after = [query.replace("FROM ", "FROM fresh.") for query in wanted]
    assert [list(map(tuple, run(f"{query} ORDER BY 1").fetchall())) for query in after] == before
    run("DETACH fresh")


def test_a_retry_keeps_what_a_run_needs(ws: Workspace, journal: Journal) -> None:
    claim(journal, "first", 0, whole(0, "A"), whole(1, "B"))
    with journal.write() as tx:
        transitions.end(tx, job_in(tx, "first"), Ending(State.FAILED, Cause.EXIT, "no", 3), clock.now())
    retry.retry_run(ws, "first")
    assert job(journal, "first").needs == Resources(gpus=2, vram_mb=1000)
