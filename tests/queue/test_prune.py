"""What is forgotten is decided when it is forgotten, in slices; a kill leaves nothing half, and the space is given back."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench import big
from runforge import clock
from runforge.core.records import Job
from runforge.queue import cancel, change, prune, remove, retry
from runforge.store import forgetting, records, space, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.store.recovery import rebuild, salvage
from runforge.store.sqlite import IntegrityError
from runforge.views import lists
from runforge.workspace import Workspace
from tests.tui.kit import enqueue

pytestmark = pytest.mark.slow


def test_a_run_that_is_retried_meanwhile_is_kept_with_its_files(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = enqueue(ws, runs=1)
    cancel.cancel_group(ws, group)
    (job,) = lists.jobs(ws)
    really = change.existing

    def after_a_retry(workspace: Workspace) -> Journal:
        retry.retry_run(workspace, job.run_id)
        return really(workspace)

    with monkeypatch.context() as patched:
        patched.setattr(prune, "existing", after_a_retry)
        assert prune.prune(ws, -60.0, delete_runs=True) == prune.PruneOutcome()
    assert [job.state for job in lists.jobs(ws)] == ["queued"]
    assert (ws.root / job.run_dir / "request.json").exists()
    assert ws.group_dir(group).exists()
    cancel.cancel_group(ws, group)
    assert prune.prune(ws, -60.0, delete_runs=True).jobs == 1


# --- slices ----------------------------------------------------------------------------------------

_KILLED = """
import sys
from pathlib import Path
from runforge import workspace
from runforge.queue import prune
prune._SLICE, prune._LARGE = 40, 100
prune.prune(workspace.at(Path(sys.argv[1])), -60.0)
"""


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prune, "_SLICE", 40)
    monkeypatch.setattr(prune, "_LARGE", 100)


@pytest.fixture
def large(tmp_path: Path) -> Workspace:
    """Three hundred ended jobs in ten groups, and a group with thirty that wait."""
    here = big.make(tmp_path / "ws", 300, 10, ended=1.0)
    with open_journal(here) as journal, journal.read() as tx:
        for row in tx.rows("jobs.all")[:20]:
            (here.root / row["run_dir"]).mkdir(parents=True)
    return here


def entries(here: Workspace) -> list[tuple[str, str | None, str | None]]:
    with open_journal(here) as journal, journal.read() as tx:
        return [(row["event"], row["job_id"], row["group_id"]) for row in tx.rows("journal.entries_all")]


@pytest.mark.usefixtures("small_slices")
def test_others_write_between_the_slices_and_groups_stay_whole(large: Workspace) -> None:
    slices: list[set[str | None]] = []

    def meanwhile(jobs: Sequence[Job]) -> None:
        slices.append({job.group_id for job in jobs})
        left = lists.jobs(large, limit=1)
        if left:  # another connection has its turn at once
            with open_journal(large) as other, other.write() as tx:
                tx.run(
                    "jobs.describe",
                    job_id=left[0].job_id,
                    name="seen",
                    tags="[]",
                    notes=None,
                    now=clock.now(),
                )

    assert prune.prune(large, -60.0, told=meanwhile).jobs == 300
    assert len(slices) == 5
    assert len(set.union(*slices)) == sum(map(len, slices)) == 10
    assert lists.jobs(large) == []
    assert {event for event, job_id, _ in entries(large) if job_id is None} == {"pruned"}
    assert [entry for entry in entries(large) if entry[1] is not None] == []
    assert verify.check(large) == []


@pytest.mark.usefixtures("small_slices")
def test_a_very_large_group_is_cut(tmp_path: Path) -> None:
    here = big.make(tmp_path / "ws", 250, 1, ended=1.0)
    slices: list[int] = []
    assert prune.prune(here, -60.0, told=lambda jobs: slices.append(len(jobs))).jobs == 250
    assert slices == [100, 100, 50]
    assert lists.groups(here) == []
    assert verify.check(here) == []


@pytest.mark.parametrize("passed", [1, 3, 5])
def test_killed_after_a_slice_all_is_in_order_and_it_goes_on(large: Workspace, passed: int) -> None:
    environment = {**os.environ, "RUNFORGE_FAILPOINT": f"prune.forgotten:{passed}"}
    done = subprocess.run([sys.executable, "-c", _KILLED, str(large.root)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(lists.jobs(large)) == 300 - 60 * passed
    assert verify.check(large) == []
    assert prune.prune(large, -60.0).jobs == 300 - 60 * passed
    assert (lists.jobs(large), lists.groups(large), verify.check(large)) == ([], [], [])


@pytest.mark.parametrize("point", ["tx.written", "tx.committed"])
def test_killed_in_a_slice_it_is_whole_or_not_there(large: Workspace, point: str) -> None:
    environment = {**os.environ, "RUNFORGE_FAILPOINT": f"{point}:2"}
    done = subprocess.run([sys.executable, "-c", _KILLED, str(large.root)], env=environment, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(lists.jobs(large)) == {"tx.written": 240, "tx.committed": 180}[point]
    assert {group.total for group in lists.groups(large)} == {30}
    assert verify.check(large) == []


# --- what stays ------------------------------------------------------------------------------------


def test_runs_whose_folders_are_kept_are_not_taken_for_newer_than_the_journal(large: Workspace) -> None:
    prune.prune(large, -60.0)
    assert len(list(large.runs_dir.iterdir())) == 20
    assert verify.unknown_runs(large) == []
    with open_journal(large) as journal:
        journal.checkpoint()
    fresh = large.journal.with_name("fresh.db")
    assert rebuild.write(fresh, salvage.read(large.journal, {})) == []
    shutil.move(fresh, large.journal)
    assert verify.unknown_runs(large) == []
    (large.runs_dir / "20990101-000000-sweep-0001").mkdir()
    assert verify.unknown_runs(large) == ["20990101-000000-sweep-0001"]


def test_a_group_that_stays_is_exported_without_what_was_removed(ws: Workspace) -> None:
    group = enqueue(ws, runs=3)
    cancel.cancel_group(ws, group)
    first, *_ = lists.jobs(ws)
    remove.remove(ws, [first.job_id])
    assert first.run_id not in (ws.group_dir(group) / "group.json").read_text()
    assert [entry for entry in entries(ws) if entry[1] == first.job_id] == []
    assert verify.check(ws) == []


def test_entries_of_what_is_there_cannot_be_deleted(large: Workspace) -> None:
    with open_journal(large) as journal:
        for which in ("job_id IS NOT NULL", "event = 'group_created'"):
            with pytest.raises(IntegrityError, match="append-only"):
                journal.connection.execute(f"DELETE FROM journal WHERE {which}")
        with journal.write() as tx:
            forgetting.forget(tx, [records.job(row) for row in tx.rows("jobs.all")], clock.now())
        with pytest.raises(IntegrityError, match="append-only"):
            journal.connection.execute("DELETE FROM journal")


# --- space -----------------------------------------------------------------------------------------


def pages(journal: Journal) -> int:
    return int(journal.connection.execute("PRAGMA page_count").fetchone()[0])


def test_the_file_shrinks_a_few_pages_at_a_time(large: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(space, "_LITTLE", 4096)
    monkeypatch.setattr(space, "_PAGES", 10)
    with open_journal(large) as journal:
        before, commits = large.journal.stat().st_size, journal.commits
        with journal.write() as tx:
            forgetting.forget(tx, [records.job(row) for row in tx.rows("jobs.all")], clock.now())
        free = space.free(journal)
        assert space.give_back(journal, prune._ignore) == 0
        assert journal.commits - commits > free // 4096 // 10
        assert large.journal.stat().st_size <= before - free * 0.9
    assert verify.check(large) == []


@pytest.mark.parametrize("small", [True, False])
def test_a_journal_of_an_older_version_is_written_anew_once(
    large: Workspace, monkeypatch: pytest.MonkeyPatch, small: bool
) -> None:
    monkeypatch.setattr(space, "_LITTLE", 4096)
    monkeypatch.setattr(space, "_SMALL", 1 << 30 if small else 0)
    with open_journal(large) as journal:
        run = journal.connection.execute
        run("PRAGMA auto_vacuum=NONE")
        run("VACUUM")
        journal.checkpoint()
        before = large.journal.stat().st_size
        with journal.write() as tx:
            forgetting.forget(tx, [records.job(row) for row in tx.rows("jobs.all")], clock.now())
        with monkeypatch.context() as patched:
            patched.setattr("runforge.store.daemon_holder.holder", lambda _: "a daemon")
            left = space.give_back(journal, prune._ignore)
        assert (left > 0, large.journal.stat().st_size > before / 2) == (not small, not small)
        assert prune.prune(large, -60.0).kept_free == 0
        assert large.journal.stat().st_size < before / 2
    with open_journal(large) as journal:
        assert journal.connection.execute("PRAGMA auto_vacuum").fetchone()[0] == 2
    assert verify.check(large) == []
