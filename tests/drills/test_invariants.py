"""The check of the ten invariants sees each kind of break, and nothing where all is well."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena, arena
from gauntlets.plans import plan, request
from runforge import workspace as workspaces
from runforge.attempts import start_marker
from runforge.drills import invariants, witness
from runforge.machine import os_process
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

pytestmark = pytest.mark.slow


class Played:
    """A workspace in which two runs have ended: one succeeded, one gave 3."""

    def __init__(self, here: Arena) -> None:
        self.witness = here.root.parent / "witness.txt"
        values = {"seconds": 0.05, "code": 0, "kind": "plain"}
        base = request(family="command", command=witness.command(self.witness), hyperparameters=values)
        runs = [{"model.hyperparameters.code": code} for code in (0, 3)]
        strategy = {"type": "list", "runs": runs}
        group = here.enqueue(plan(here.root, base, strategy, name="w"), 2)
        here.daemon(2)
        here.until_ended(group, "failed")
        here.stop_daemon()
        self.ws: Workspace = workspaces.at(here.root)
        self.run_ids = [job["run_id"] for job in here.jobs(group)]
        with open_journal(self.ws) as journal, journal.read() as tx:
            self.tokens = [row["token"] for row in tx.rows("attempts.all")]

    def check(self, **more: Any) -> list[str]:
        return invariants.check(self.ws, self.witness, **more)

    def folder(self, number: int) -> Path:
        return self.ws.attempt_dir(self.run_ids[number], 1)


@pytest.fixture(scope="module")
def played() -> Iterator[Played]:
    with arena() as here:
        yield Played(here)


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invariants, "_SETTLE_SECONDS", 0.3)


def test_all_is_well(played: Played) -> None:
    assert played.check(acknowledged=played.run_ids) == []


def test_a_lost_run_is_seen(played: Played) -> None:
    assert played.check(acknowledged=["nobody"]) == ["I1: nobody was acknowledged but is lost"]


@contextlib.contextmanager
def changed(path: Path, change: Callable[[bytes], bytes | None]) -> Iterator[None]:
    before = path.read_bytes()
    after = change(before)
    if after is None:
        path.unlink()
    else:
        path.write_bytes(after)
    try:
        yield
    finally:
        path.write_bytes(before)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("START {run} 1", "I3: {run} attempt 1 started 2 times"),
        ("START {run} 2", "I3: {run} attempt 2 ran, but the journal does not know it"),
        ("START nobody 1", "I3: nobody attempt 1 ran, but the journal does not know it"),
        (
            "END {run} 1 7",
            "I4: {run} attempt 1: the journal says exit code 0, the witness saw [0, 7]",
        ),
    ],
)
def test_the_witness_contradicts(played: Played, line: str, expected: str) -> None:
    run_id = played.run_ids[0]
    with changed(played.witness, lambda b: b + line.format(run=run_id).encode() + b"\n"):
        assert expected.format(run=run_id) in played.check()


def test_two_attempts_beside_each_other_are_seen(played: Played) -> None:
    run_id = played.run_ids[0]
    text = f"START {run_id} 1\nSTART {run_id} 2\nEND {run_id} 1 0\n"
    with changed(played.witness, lambda _: text.encode()):
        assert f"I3: {run_id} attempt 1 still ran when the next attempt started" in played.check()


def test_an_outcome_without_a_record_is_seen(played: Played) -> None:
    with changed(played.folder(1) / "exit.rec", lambda _: None):
        (text,) = played.check()
    assert text.endswith("the journal says exit (3, None), and there is no exit record")


def test_an_outcome_against_its_record_is_seen(played: Played) -> None:
    with open_journal(played.ws) as journal:
        run = ("run_id = ? AND attempt = 1", (played.run_ids[1],))
        journal.connection.execute(f"UPDATE attempts SET exit_code = 4 WHERE {run[0]}", run[1])
        try:
            found = played.check()
        finally:
            journal.connection.execute(f"UPDATE attempts SET exit_code = 3 WHERE {run[0]}", run[1])
    assert len(found) == 2
    assert any("the journal says exit (4, None), the exit record (3, None" in text for text in found)


def test_a_job_against_its_attempt_is_seen(played: Played) -> None:
    with open_journal(played.ws) as journal:
        run = ("run_id = ? AND attempt = 1", (played.run_ids[0],))
        journal.connection.execute(f"UPDATE attempts SET cause = 'lost' WHERE {run[0]}", run[1])
        try:
            found = played.check()
        finally:
            journal.connection.execute(f"UPDATE attempts SET cause = 'exit' WHERE {run[0]}", run[1])
    assert f"I4: {played.run_ids[0]} is succeeded, its attempt ended by lost" in found


def test_a_slot_that_nobody_uses_is_seen(played: Played) -> None:
    with open_journal(played.ws) as journal:
        (job_id,) = journal.connection.execute("SELECT job_id FROM jobs LIMIT 1").fetchone()
        journal.connection.execute("INSERT INTO device_grants (slot_no, job_id) VALUES (0, ?)", (job_id,))
        try:
            found = played.check()
        finally:
            journal.connection.execute("DELETE FROM device_grants")
    assert f"I5: {job_id} holds a slot but does not run" in found


@pytest.mark.parametrize("mark", ["token", "file"])
def test_an_orphan_is_seen(played: Played, mark: str) -> None:
    environment = {"RUNFORGE_TOKEN": played.tokens[0]} if mark == "token" else {}
    with open(played.folder(0) / "tree.lock", "rb") as lock:
        kept = [lock.fileno()] if mark == "file" else []
        orphan = subprocess.Popen(["/bin/sleep", "60"], env=environment, pass_fds=kept)
    try:
        found = played.check()
    finally:
        orphan.kill()
        orphan.wait()
    assert any(text.startswith(f"I6: process {orphan.pid} is left of") for text in found)


def _until_it_runs(here: Arena, group: str) -> str:
    """Wait until the process of a group's only run is there, which the journal says a little earlier; return its id."""
    here.until(lambda: here.in_state("running", group) == 1, "it is said to run")
    (run,) = (job["run_id"] for job in here.jobs(group))
    folder = workspaces.at(here.root).attempt_dir(run, 1)

    def is_there() -> bool:
        owner = start_marker.read(folder)
        return owner is not None and bool(os_process.children(owner.pid))

    here.until(is_there, "it runs")
    return run


def test_a_live_daemons_supervisors_are_no_orphans(here: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    """A supervisor waits for its next run, then runs it in the session in which the first has ended."""
    monkeypatch.setattr(invariants, "_SETTLE_SECONDS", 10.0)  # exports and ends are on their way
    ws = workspaces.at(here.root)
    here.daemon(1)
    here.until_ended(here.sweep(1, name="first", seconds=0.01), "completed")
    assert invariants.check(ws) == []
    group = here.sweep(1, name="second", seconds=60)
    _until_it_runs(here, group)
    assert invariants.check(ws) == []
    with open_journal(ws) as journal, journal.read() as tx:
        first, second = tx.rows("attempts.all")
    owners = [start_marker.read(ws.attempt_dir(row["run_id"], 1)) for row in (first, second)]
    assert owners[0] is not None
    assert owners[1] is not None
    assert owners[0].pid == owners[1].pid, "the case is that of one supervisor"
    here.group_command("cancel-group", group)


def test_what_is_left_in_a_supervisors_session_is_seen_beside_a_live_daemon(
    here: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invariants, "_SETTLE_SECONDS", 0.3)
    here.daemon(1)
    group = here.sweep(1, name="s", seconds=60)
    run = _until_it_runs(here, group)
    ws = workspaces.at(here.root)
    end = "cause = 'exit', exit_code = 0, finished_at = started_at"
    with open_journal(ws) as journal:  # the journal says that it has ended, but it runs
        journal.connection.execute(f"UPDATE attempts SET {end} WHERE run_id = ?", (run,))
        try:
            found = invariants.check(ws)
        finally:
            journal.connection.execute(
                "UPDATE attempts SET cause = NULL, exit_code = NULL, finished_at = NULL WHERE run_id = ?",
                (run,),
            )
    assert any(text.startswith("I6: process ") and run in text for text in found)
    here.group_command("cancel-group", group)


def test_stale_exports_are_seen(played: Played) -> None:
    with changed(played.ws.queue_json, lambda _: b"{}"):
        assert [text[:3] for text in played.check()] == ["I8:"]


def test_a_held_lock_is_seen(played: Played) -> None:
    descriptor = os.open(played.folder(0) / "sup.lock", os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        found = played.check()
    finally:
        os.close(descriptor)
    assert [text[:3] for text in found] == ["I9:"]
