"""A journal of version 6 is opened unharmed: what was a slot and what attempts used is where it is looked for now."""

from __future__ import annotations

import pytest

from runforge import clock
from runforge.core.outcome import Ending, Grant
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.core.used import Used
from runforge.errors import RunForgeError
from runforge.store import records, transitions, uses, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.store.recovery import rebuild, salvage
from runforge.workspace import Workspace
from tests.store import old_journals
from tests.store.test_journal import enqueue

USED = Used(
    peak_vram={"GPU-1": 4096}, gpu_use=None, gpu_seconds=None, peak_rss_mb=12.5, cpu_seconds=3.0, watched=None
)
SAME = (
    "SELECT * FROM slots ORDER BY 1",
    "SELECT * FROM resources ORDER BY 1, 2",
    "SELECT job_id, run_id, attempt, token, epoch, started_at, finished_at, cause, devices FROM attempts ORDER BY 1, 3",
    "SELECT * FROM journal ORDER BY seq",
)


def _rows(journal: Journal) -> list[list[tuple[object, ...]]]:
    return [list(map(tuple, journal.connection.execute(query).fetchall())) for query in SAME]


def _claim(journal: Journal, job_id: str, slot: int) -> Job:
    with journal.write() as tx:
        job = records.job(tx.row("jobs.by_job_id", job_id=job_id))
        return transitions.claim(tx, job, Grant(f"token-{job_id}", 0, slot), clock.now())[0]


@pytest.fixture
def lived(ws: Workspace) -> tuple[Workspace, list[str]]:
    """A queue of this version: one run has ended, two go on; and the ids of its jobs."""
    enqueue(ws)
    with open_journal(ws) as journal:
        with journal.read() as tx:
            ids = [row["job_id"] for row in tx.rows("jobs.all")]
        first = _claim(journal, ids[0], 0)
        _claim(journal, ids[1], 1)
        with journal.write() as tx:
            transitions.end(tx, first, Ending(State.SUCCEEDED, Cause.EXIT, used=USED), clock.now())
        _claim(journal, ids[2], 0)
    return ws, ids


def test_slots_and_uses_are_the_same(lived: tuple[Workspace, list[str]]) -> None:
    ws, ids = lived
    with open_journal(ws) as journal:
        before = _rows(journal)
    old_journals.bring_back(ws.journal, 6)
    with open_journal(ws) as journal:
        assert _rows(journal) == before
        assert before[0] == [(0, ids[2]), (1, ids[1])]
        with journal.read() as tx:
            assert uses.of_job(tx, ids[0]) == {1: USED}
            assert uses.of_job(tx, ids[1]) == {}
        with pytest.raises(RunForgeError, match="UNIQUE constraint"):
            _claim(journal, ids[3], 1)
        _claim(journal, ids[3], 2)
    assert verify.check(ws) == []


def test_a_job_that_goes_back_into_the_queue_has_no_slot(lived: tuple[Workspace, list[str]]) -> None:
    ws, ids = lived
    with open_journal(ws) as journal:
        for job_id, slot in ((ids[1], 0), (ids[2], 1)):  # the slots change hands
            with journal.write() as tx:
                job = records.job(tx.row("jobs.by_job_id", job_id=job_id))
                transitions.requeue(tx, job, Ending(State.QUEUED, Cause.LOST, "lost"), clock.now())
            with journal.read() as tx:
                assert job_id not in {row["job_id"] for row in tx.rows("attempts.slots")}
            _claim(journal, ids[3 + slot], 1 - slot)
    assert verify.check(ws) == []


def test_what_attempts_used_comes_through_a_recovery(lived: tuple[Workspace, list[str]]) -> None:
    ws, ids = lived
    with open_journal(ws) as journal:
        journal.checkpoint()
    fresh = ws.journal.with_name("fresh.db")
    assert rebuild.write(fresh, salvage.read(ws.journal, {})) == []
    fresh.replace(ws.journal)
    with open_journal(ws) as journal, journal.read() as tx:
        assert uses.of_job(tx, ids[0]) == {1: USED}
        assert {row["job_id"] for row in tx.rows("attempts.slots")} == {ids[1], ids[2]}


def test_a_running_job_without_a_slot_is_seen(lived: tuple[Workspace, list[str]]) -> None:
    ws, ids = lived
    with open_journal(ws) as journal:
        journal.connection.execute("UPDATE jobs SET slot = NULL WHERE job_id = ?", (ids[1],))
    assert verify.check(ws) == [f"{ids[1]} is running without a slot"]
