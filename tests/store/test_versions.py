"""A journal that the version before wrote is opened unharmed, with its runs going on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runforge import clock
from runforge.core.outcome import Ending
from runforge.core.resources import Resources
from runforge.core.states import Cause, State
from runforge.daemon.claims import Claims
from runforge.errors import RunForgeError
from runforge.exports import exporter
from runforge.exports.exporter import Exporter
from runforge.machine.gpus import Gpu, Gpus
from runforge.queue import prune, retry
from runforge.store import migrate, opening, records, transitions, verify
from runforge.store.failures import JournalUnreadable
from runforge.store.opening import open_journal
from runforge.store.recovery import rebuild, salvage
from runforge.views import lists
from runforge.workspace import Workspace
from tests.store import old_journals
from tests.store.queue_kit import rows

_GPUS = [Gpu(0, "GPU-aaaa", "A", 80_000), Gpu(1, "GPU-bbbb", "B", 80_000)]


@pytest.fixture
def old(bare_ws: Workspace) -> Workspace:
    """A workspace with the journal that version 1 wrote, not opened yet."""
    old_journals.of_version_1(bare_ws)
    return bare_ws


SAME = (
    """SELECT seq, job_id, run_id, group_id, lane_id, run_dir, priority, state, attempt, lost, cancel_requested,
           overrides, created_at, updated_at, started_at, finished_at, error, cause, metric_name, metric_value
       FROM jobs ORDER BY seq""",
    "SELECT * FROM journal ORDER BY seq",
    """SELECT epoch, pid, start_ticks, boot_id, started_at, max_parallel, gpu_slots, state, wanted, drain_until, served,
              last_served_group, next_job, next_run FROM daemon""",
    "SELECT group_id, lane_id, name, is_paused, is_canceled, started_at, finished_at FROM groups ORDER BY 1",
    "SELECT lane_id, served, is_paused, running, succeeded, failed, canceled FROM lanes ORDER BY 1",
    "SELECT job_id, attempt, token, epoch, started_at, finished_at, cause FROM attempts ORDER BY 1, 2",
    "SELECT * FROM sqlite_sequence ORDER BY 1",
)


def test_the_rows_are_the_same_and_replay_to_the_entries_that_version_1_wrote(old: Workspace) -> None:
    before = [rows(old.journal, query) for query in SAME]
    needing = rows(old.journal, "SELECT job_id FROM jobs WHERE requires_gpu = 1 ORDER BY 1")
    queued = rows(old.journal, "SELECT lane_id, queued_cpu + queued_gpu FROM lanes ORDER BY 1")
    ready = "SELECT lane_id, requires_gpu + 1, count(*) FROM jobs WHERE state = 'queued' GROUP BY 1, 2 ORDER BY 1, 2"
    counted = rows(old.journal, ready)
    open_journal(old).close()
    assert [rows(old.journal, query) for query in SAME] == before
    assert rows(old.journal, "SELECT job_id FROM full_jobs WHERE gpus = 1 ORDER BY 1") == needing
    assert rows(old.journal, "SELECT lane_id, queued FROM lanes ORDER BY 1") == queued
    assert (
        rows(old.journal, "SELECT lane_id, shape_id, ready FROM lane_shapes WHERE ready > 0 ORDER BY 1, 2")
        == counted
    )
    assert verify.check(old) == []


def test_the_backup_is_the_journal_of_version_1(old: Workspace) -> None:
    everything = "SELECT name, sql FROM sqlite_schema ORDER BY 1"
    before = [rows(old.journal, query) for query in (*SAME, everything, "SELECT * FROM slots")]
    open_journal(old).close()
    backup = old.journal.with_name(f"{old.journal.name}.bak-1")
    assert [rows(backup, query) for query in (*SAME, everything, "SELECT * FROM slots")] == before
    assert rows(backup, "PRAGMA user_version") == [(1,)]
    old.journal.write_bytes(backup.read_bytes())
    for suffix in ("-wal", "-shm"):
        Path(f"{old.journal}{suffix}").unlink(missing_ok=True)
    open_journal(old).close()
    assert verify.check(old) == []


def test_running_runs_keep_their_slots_and_devices(old: Workspace) -> None:
    held = rows(old.journal, "SELECT slot_no, job_id FROM slots WHERE kind = 'cpu' ORDER BY 1")
    with open_journal(old) as journal, journal.read() as tx:
        slots = [(row["slot_no"], row["job_id"]) for row in tx.rows("attempts.slots")]
        grants = {row["slot_no"]: (row["device"], row["share_mb"]) for row in tx.rows("attempts.grants")}
        devices = [records.attempt(row).devices for row in tx.rows("attempts.running")]
    assert slots == held
    assert grants == {0: ("GPU-aaaa", 0), 1: ("GPU-bbbb", None), 2: ("GPU-aaaa", 0), 3: (None, None)}
    assert devices == [(), (), ("GPU-aaaa",), ("GPU-bbbb",), ("GPU-aaaa",), ()]


@pytest.mark.parametrize(("gpu_slots", "gpus"), [(2, _GPUS), (6, _GPUS), (6, []), (9, _GPUS[:1])])
def test_the_next_daemon_ends_and_starts_runs(old: Workspace, gpu_slots: int, gpus: list[Gpu]) -> None:
    now = clock.now()
    with open_journal(old) as journal:
        claims = Claims(1, 20, gpu_slots, Gpus(tuple(gpus)), only_lane=None)
        with journal.write() as tx:
            started = claims.claim_all(tx, now)
        assert len(started) == 5 + min(3, max(0, gpu_slots - 4))
        assert [each.job.run_id for each in started if each.job.priority == 5] == [
            "20261126-092714-sweep-0007"
        ]
        with journal.write() as tx:
            for row in tx.rows("jobs.running"):
                transitions.end(tx, records.job(row), Ending(State.FAILED, Cause.EXIT, "no", 3), now)
        assert verify.check(old) == []
        with journal.write() as tx:
            assert tx.rows("attempts.slots") == tx.rows("attempts.grants") == []
    retry.retry_failed(old, "grp_20261126_092714_on_gpus")
    with open_journal(old) as journal:
        Exporter(old, journal).write()
    assert exporter.check(old) == []
    prune.prune(old, -1)
    assert verify.check(old) == []


def test_a_device_is_shared_when_a_daemon_has_more_slots_than_devices(old: Workspace) -> None:
    with open_journal(old) as journal, journal.write() as tx:
        Claims(1, 20, 6, Gpus(tuple(_GPUS)), only_lane=None).claim_all(tx, clock.now())
        granted = sorted((row["device"] or "", row["share_mb"]) for row in tx.rows("attempts.grants"))
    # The run that had GPU-bbbb to itself shares it now. It was given first, since it was used least.
    assert granted == [("", None), *[("GPU-aaaa", 0)] * 3, *[("GPU-bbbb", 0)] * 2]


def test_new_runs_join_the_old_groups(old: Workspace) -> None:
    with open_journal(old) as journal, journal.write() as tx:
        values: dict[str, Any] = {"group_id": None, "lane_id": 1, "run_dir": "x", "overrides": "{}"}
        more: dict[str, Any] = {"priority": 9, "dry_run_seconds": None, "now": clock.now()}
        needs = Resources(gpus=2, vram_mb=40_000)
        transitions.enqueue(tx, needs, job_id="new", run_id="new", **values, **more)
        assert records.job(tx.row("jobs.by_job_id", job_id="new")).needs == needs
        assert tx.row("jobs.by_job_id", job_id="new")["seq"] == 22
    assert [job.run_id for job in lists.jobs(old)][-1] == "new"
    assert verify.check(old) == []


def test_a_migration_that_fails_leaves_the_journal_as_it_was(
    old: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [rows(old.journal, query) for query in SAME]
    broken = tmp_path / "002_resources.sql"
    broken.write_text(f"{migrate.FILES[1].read_text('utf-8')}\nINSERT INTO nowhere VALUES (1);\n")
    monkeypatch.setattr(migrate, "FILES", [migrate.FILES[0], broken])
    with pytest.raises(RunForgeError, match="nowhere"):
        open_journal(old)
    monkeypatch.undo()
    assert [rows(old.journal, query) for query in SAME] == before
    assert rows(old.journal, "PRAGMA user_version") == [(1,)]
    open_journal(old).close()
    assert verify.check(old) == []


def test_rows_saved_from_an_old_journal_make_the_same_as_its_migration(old: Workspace) -> None:
    looks = (
        *SAME[3:5],
        "SELECT job_id, state, attempt, priority, gpus FROM full_jobs ORDER BY seq",
        "SELECT job_id, device, share_mb FROM device_grants ORDER BY 1",
        "SELECT job_id, attempt, devices FROM attempts ORDER BY 1, 2",
        "SELECT lane_id, shape_id, ready FROM lane_shapes ORDER BY 1, 2",
        "SELECT * FROM journal ORDER BY seq",
    )
    fresh = old.journal.with_name("fresh.db")
    assert rebuild.write(fresh, salvage.read(old.journal, {})) == []
    open_journal(old).close()
    assert [rows(fresh, look) for look in looks] == [rows(old.journal, look) for look in looks]


def test_an_old_journal_that_cannot_be_written_says_what_to_do(old: Workspace) -> None:
    before = old.journal.read_bytes()
    with pytest.raises(JournalUnreadable, match=r"has version 1, .* cannot be written"):
        opening._open_as_left(old.journal, old)
    assert old.journal.read_bytes() == before
