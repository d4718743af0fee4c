"""A journal that version 2 wrote is opened unharmed: gates, needs, devices, and runs that go on."""

from __future__ import annotations

import pytest

from runforge import clock
from runforge.core.dependencies import Parent
from runforge.core.outcome import Ending
from runforge.core.states import Cause, State
from runforge.daemon.claims import Claims
from runforge.exports import exporter
from runforge.exports.exporter import Exporter
from runforge.machine.gpus import Gpu, Gpus
from runforge.queue import hold, limit, retry
from runforge.store import edges, records, transitions, verify
from runforge.store.opening import open_journal
from runforge.store.recovery import rebuild, salvage
from runforge.store.sqlite import sqlite
from runforge.workspace import Workspace
from tests.store import old_journals
from tests.store.queue_kit import rows

_GPUS = (Gpu(0, "GPU-aaaa", "A", 80_000), Gpu(1, "GPU-bbbb", "B", 80_000))
SAME = (
    """SELECT seq, job_id, run_id, group_id, lane_id, run_dir, priority, state, attempt, lost, cancel_requested, shape_id,
           overrides, created_at, updated_at, started_at, finished_at, error, cause, metric_name, metric_value, held,
           blockers, not_before, delayed, position, version FROM jobs ORDER BY seq""",
    "SELECT * FROM journal ORDER BY seq",
    """SELECT epoch, pid, start_ticks, boot_id, started_at, max_parallel, gpu_slots, state, wanted, drain_until, served,
              last_served_group, next_job, next_run FROM daemon""",
    "SELECT group_id, lane_id, name, is_paused, is_canceled, is_open, started_at, finished_at FROM groups ORDER BY 1",
    "SELECT lane_id, served, is_paused, queued, running, succeeded, failed, canceled FROM lanes ORDER BY 1",
    "SELECT lane_id, shape_id, ready, served FROM lane_shapes ORDER BY 1, 2",
    "SELECT job_id, run_id, attempt, token, epoch, devices, started_at, finished_at, cause, error FROM attempts ORDER BY 1, 3",
    "SELECT * FROM slots ORDER BY 1",
    "SELECT * FROM device_grants ORDER BY 1",
    "SELECT shape_id, cpus, gpus, vram_mb, mem_mb FROM shapes ORDER BY 1",
    "SELECT * FROM sqlite_sequence ORDER BY 1",
)


@pytest.fixture
def old(bare_ws: Workspace) -> Workspace:
    """A workspace with the journal that version 2 wrote, not opened yet."""
    old_journals.of_version_2(bare_ws)
    return bare_ws


def test_the_rows_are_the_same_and_so_is_the_backup(old: Workspace) -> None:
    before = [rows(old.journal, query) for query in SAME]
    assert {row[7] for row in before[0]} == set(State)
    open_journal(old).close()
    assert [rows(old.journal, query) for query in SAME] == before
    assert verify.check(old) == []
    backup = old.journal.with_name(f"{old.journal.name}.bak-2")
    assert [rows(backup, query) for query in SAME] == before
    assert rows(backup, "PRAGMA user_version") == [(2,)]


def test_its_runs_end_and_start_and_wait_for_each_other(old: Workspace) -> None:
    now = clock.now()
    with open_journal(old) as journal:
        with journal.write() as tx:
            queued = [records.job(row) for row in tx.rows("jobs.all") if row["state"] == "queued"]
            running = [records.job(row) for row in tx.rows("jobs.running")]
            child = next(job for job in queued if not (job.held or job.not_before or job.needs.gpus))
            transitions.depend(tx, child.job_id, [Parent("run", running[0].job_id, "fail")], now)
        assert verify.check(old) == []
        with journal.write() as tx:
            for job in running:
                transitions.end(tx, job, Ending(State.FAILED, Cause.EXIT, "no", 3), now)
            assert edges.known_job(tx, child.job_id).blockers == 0
        hold.release(old, [job.job_id for job in queued])
        limit.set_limit(old, "paused", 1)
        with journal.write() as tx:
            tx.run("jobs.release_due", now="9999")
            for row in tx.rows("groups.all"):
                tx.run("groups.set_paused", group_id=row["group_id"], is_paused=0, now=now)
            claimed = Claims(1, 30, 6, Gpus(_GPUS)).claim_all(tx, now)
            names = {row["group_id"]: row["name"] for row in tx.rows("groups.all")}
            paused = [each for each in claimed if names.get(each.job.group_id) == "paused"]
        assert child.job_id in {each.job.job_id for each in claimed}
        assert len(paused) == 1
        retry.retry(old, [job.job_id for job in running])
        Exporter(old, journal).write()
    assert verify.check(old) == []
    assert exporter.check(old) == []


def test_rows_saved_from_it_make_the_same_as_its_migration(old: Workspace) -> None:
    connection = sqlite.connect(str(old.journal), isolation_level=None)
    connection.execute("UPDATE groups SET is_open = 0")  # version 2 had no sweep that a group stays open for
    connection.close()
    looks = (
        *SAME[3:5],
        "SELECT * FROM full_jobs ORDER BY seq",
        "SELECT job_id, device, share_mb FROM device_grants ORDER BY 1, 2",
        "SELECT job_id, run_id, attempt, token, epoch, devices, started_at, finished_at, cause, error FROM attempts ORDER BY 1, 3",
        "SELECT lane_id, shape_id, ready FROM lane_shapes WHERE ready > 0 ORDER BY 1, 2",
        "SELECT * FROM journal ORDER BY seq",
    )
    fresh = old.journal.with_name("fresh.db")
    assert rebuild.write(fresh, salvage.read(old.journal, {})) == []
    open_journal(old).close()
    assert [rows(fresh, look) for look in looks] == [rows(old.journal, look) for look in looks]
