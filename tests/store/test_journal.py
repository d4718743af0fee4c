"""The journal defends itself, replays to its tables, and survives what users do to it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from runforge import clock
from runforge.cli import samples
from runforge.core.outcome import Ending, Grant
from runforge.core.records import Job
from runforge.core.states import TRANSITIONS, Cause, State
from runforge.errors import RunForgeError
from runforge.queue import cancel, prune, retry, submit
from runforge.store import migrate, queries, records, transitions, verify
from runforge.store.failures import Fenced, IllegalTransition, JournalUnreadable
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.store.sqlite import SQLiteError
from runforge.views import lists
from runforge.workspace import Workspace


def enqueue(ws: Workspace, **changes: Any) -> str:
    plan = {**samples.plan(str(ws.root)), **changes}
    return submit.enqueue_sweep(ws, samples.encode(plan), where="plan.json").group_id


def jobs_of(journal: Journal) -> list[Job]:
    with journal.read() as tx:
        return [records.job(row) for row in tx.rows("jobs.all")]


def claim(journal: Journal, job: Job, slot: int = 0, token: str = "t") -> Job:
    with journal.write() as tx:
        transitions.claim(tx, job, Grant(f"{token}{slot}", 0, slot), clock.now())
    return next(j for j in jobs_of(journal) if j.job_id == job.job_id)


@pytest.mark.parametrize("area", ["journal", "jobs", "groups", "attempts"])
def test_every_query_compiles(ws: Workspace, area: str) -> None:
    import re

    with open_journal(ws, create=True) as journal:
        for name in queries.names(area):
            text = re.sub(r"--.*", "", queries.query(f"{area}.{name}"))
            values = dict.fromkeys(re.findall(r":(\w+)", text))
            journal.connection.execute(f"EXPLAIN {text}", values)


def test_the_transition_tables_of_code_and_database_are_one(ws: Workspace) -> None:
    with open_journal(ws, create=True) as journal:
        rows = journal.connection.execute("SELECT from_state, to_state, event FROM transitions").fetchall()
    assert {(State(a), State(b)): event for a, b, event in rows} == TRANSITIONS


def test_the_database_refuses_what_the_table_does_not_allow(ws: Workspace) -> None:
    enqueue(ws)
    with open_journal(ws) as journal:
        for old in State:
            for new in State:
                if old is new or (old, new) in TRANSITIONS:
                    continue
                journal.connection.execute("SAVEPOINT try")
                _force(journal, old)
                with pytest.raises(SQLiteError, match="illegal transition"):
                    journal.connection.execute(
                        "UPDATE jobs SET state = ?, finished_at = 'x' WHERE seq = 1", (new.value,)
                    )
                journal.connection.execute("ROLLBACK TO try")


def _force(journal: Journal, state: State) -> None:
    steps = {
        State.QUEUED: [],
        State.RUNNING: ["running"],
        State.SUCCEEDED: ["running", "succeeded"],
        State.FAILED: ["failed"],
        State.CANCELED: ["canceled"],
    }[state]
    for step in steps:
        done = "x" if step != "running" else None
        journal.connection.execute(
            "UPDATE jobs SET state = ?, started_at = 'x', finished_at = ? WHERE seq = 1", (step, done)
        )


@pytest.mark.skipif(shutil.which("sqlite3") is None, reason="needs the sqlite3 shell")
def test_a_shell_is_refused_too(ws: Workspace) -> None:
    enqueue(ws)
    done = subprocess.run(
        ["sqlite3", str(ws.journal), "UPDATE jobs SET state = 'succeeded', finished_at = 'x'"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "illegal transition" in done.stderr


def test_the_journal_is_append_only_and_live_jobs_are_kept(ws: Workspace) -> None:
    enqueue(ws)
    with open_journal(ws) as journal:
        for statement in ("DELETE FROM journal", "UPDATE journal SET at = 'x'", "DELETE FROM jobs"):
            with pytest.raises(SQLiteError):
                journal.connection.execute(statement)


def test_a_claim_is_won_once_and_slots_are_given_once(ws: Workspace) -> None:
    enqueue(ws)
    with open_journal(ws) as journal:
        first, second = jobs_of(journal)[:2]
        claim(journal, first)
        with pytest.raises(IllegalTransition):
            claim(journal, first, slot=1)
        with pytest.raises(RunForgeError):
            claim(journal, second, slot=0, token="other")
        assert [j.state for j in jobs_of(journal)[:2]] == [State.RUNNING, State.QUEUED]
    assert verify.check(ws) == []


def test_a_canceled_job_never_becomes_succeeded(ws: Workspace) -> None:
    enqueue(ws)
    with open_journal(ws) as journal:
        job = jobs_of(journal)[0]
        cancel.cancel_run(ws, job.run_id)
        for state in (State.SUCCEEDED, State.FAILED):
            for guess in (job, jobs_of(journal)[0]):
                with pytest.raises(RunForgeError), journal.write() as tx:
                    transitions.end(tx, guess, Ending(state, Cause.EXIT), clock.now())
        assert jobs_of(journal)[0].state is State.CANCELED


def test_a_late_end_of_an_earlier_attempt_changes_nothing(ws: Workspace) -> None:
    enqueue(ws)
    with open_journal(ws) as journal:
        job = claim(journal, jobs_of(journal)[0])
        with journal.write() as tx:
            transitions.requeue(tx, job, Ending(State.QUEUED, Cause.LOST, "lost"), clock.now())
        with pytest.raises(IllegalTransition), journal.write() as tx:
            transitions.end(tx, job, Ending(State.SUCCEEDED, Cause.EXIT), clock.now())
        assert jobs_of(journal)[0].attempt == 2
    assert verify.check(ws) == []


def test_a_stale_daemon_is_fenced(ws: Workspace) -> None:
    enqueue(ws)
    with open_journal(ws) as journal:
        epoch = journal.connection.execute("SELECT epoch FROM daemon").fetchone()[0]
        with journal.write() as tx:
            tx.row(
                "journal.take_over",
                pid=1,
                start_ticks=1,
                boot_id="b",
                now=clock.now(),
                max_parallel=1,
                gpu_slots=0,
            )
        with pytest.raises(Fenced), journal.write(epoch):
            pytest.fail("the stale daemon was let in")


def test_a_failed_run_fails_its_group_fast(ws: Workspace) -> None:
    group = enqueue(ws, execution={"max_parallel": 1, "fail_fast": True})
    with open_journal(ws) as journal:
        job = claim(journal, jobs_of(journal)[0])
        with journal.write() as tx:
            transitions.end(tx, job, Ending(State.FAILED, Cause.EXIT, "exit code 3"), clock.now())
    view = lists.groups(ws)[0]
    assert (view.group_id, view.failed, view.canceled, view.status) == (group, 1, 13, "failed")
    assert "fail_fast" in (lists.jobs(ws)[-1].error or "")


def test_retrying_keeps_the_need_for_a_gpu_and_twice_queues_once(ws: Workspace) -> None:
    base = samples.request(device="gpu")
    group = enqueue(ws, base_request=base)
    with open_journal(ws) as journal:
        job = claim(journal, jobs_of(journal)[0])
        with journal.write() as tx:
            transitions.end(tx, job, Ending(State.FAILED, Cause.EXIT, "no"), clock.now())
        assert (retry.retry_failed(ws, group), retry.retry_failed(ws, group)) == (1, 0)
        again = jobs_of(journal)[0]
    assert (again.state, again.requires_gpu, again.attempt, again.error) == (State.QUEUED, True, 2, None)
    assert len(jobs_of_all(ws)) == 14
    assert verify.check(ws) == []


def jobs_of_all(ws: Workspace) -> list[Any]:
    return lists.jobs(ws)


def test_a_transaction_that_fails_leaves_nothing(ws: Workspace) -> None:
    enqueue(ws)
    with open_journal(ws) as journal:
        job = jobs_of(journal)[0]

        def change_and_fail() -> None:
            with journal.write() as tx:
                tx.run("jobs.set_priority", job_id=job.job_id, priority=5, now=clock.now())
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            change_and_fail()
        assert jobs_of(journal)[0].priority == 0


def test_prune_forgets_ended_groups_and_keeps_live_ones(ws: Workspace) -> None:
    old, live = enqueue(ws), enqueue(ws)
    cancel.cancel_group(ws, old)
    assert prune.prune(ws, -1, dry_run=True).jobs == 14
    assert prune.prune(ws, -1).jobs == 14
    assert [g.group_id for g in lists.groups(ws)] == [live]
    assert verify.check(ws) == []


def test_replay_finds_what_was_done_behind_its_back(ws: Workspace) -> None:
    enqueue(ws)
    with open_journal(ws) as journal:
        journal.connection.execute("DROP TRIGGER jobs_moved")
        journal.connection.execute("UPDATE jobs SET state = 'failed', finished_at = 'x' WHERE seq = 1")
    found = verify.check(ws)
    assert any("state is 'failed'" in text for text in found)
    assert any("counter" in text for text in found)


def test_a_newer_journal_is_refused_and_left_alone(ws: Workspace) -> None:
    enqueue(ws)
    with open_journal(ws) as journal:
        journal.connection.execute(f"PRAGMA user_version = {migrate.NEWEST + 1}")
    with pytest.raises(JournalUnreadable, match="Upgrade RunForge"):
        lists.jobs(ws)


@pytest.mark.parametrize("garbage", [b"not a database at all, really not" * 40, b""])
def test_a_damaged_journal_is_never_replaced(ws: Workspace, garbage: bytes) -> None:
    enqueue(ws)
    for suffix in ("-wal", "-shm"):
        Path(f"{ws.journal}{suffix}").unlink(missing_ok=True)
    ws.journal.write_bytes(garbage)
    with pytest.raises(JournalUnreadable):
        submit.enqueue_sweep(ws, samples.encode(samples.plan(str(ws.root))), where="plan.json")
    assert ws.journal.read_bytes() == garbage


def test_everything_is_private_whatever_the_umask(ws: Workspace) -> None:
    enqueue(ws)
    for folder, _, files in os.walk(ws.hidden):
        assert os.stat(folder).st_mode & 0o077 == 0, folder
        for name in files:
            assert os.stat(Path(folder) / name).st_mode & 0o077 == 0, name


@pytest.mark.slow
def test_eight_processes_enqueue_and_nothing_is_lost_or_doubled(ws: Workspace) -> None:
    code = (
        "import sys, pathlib, os\n"
        "os.umask(0o077)\n"
        "from runforge import workspace\nfrom runforge.queue import submit\n"
        "ws = workspace.at(pathlib.Path(sys.argv[1]))\n"
        "plan = pathlib.Path(sys.argv[2]).read_bytes()\n"
        "for n in range(5):\n"
        "    made = submit.enqueue_sweep(ws, plan, where='plan')\n"
        "    print(*made.run_ids)\n"
    )
    plan = samples.plan(str(ws.root))
    plan["strategy"]["runs"] = plan["strategy"]["runs"][:5]
    path = ws.root / "small.json"
    path.write_bytes(samples.encode(plan))
    command = [sys.executable, "-c", code, str(ws.root), str(path)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(8)]
    said = [process.communicate(timeout=60)[0].split() for process in started]
    assert [process.returncode for process in started] == [0] * 8
    run_ids = [run_id for part in said for run_id in part]
    assert len(run_ids) == len(set(run_ids)) == 8 * 25
    found = lists.jobs(ws)
    assert sorted(job.run_id for job in found) == sorted(run_ids)
    assert len({job.job_id for job in found}) == 200
    assert len(lists.groups(ws)) == 40
    assert verify.check(ws) == []
