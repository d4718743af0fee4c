"""Runs that wait for a time: tried again after a failure, or not to start yet."""

from __future__ import annotations

import json
from pathlib import Path

from runforge import clock
from runforge.core import retrying
from runforge.core.records import Job
from runforge.core.retrying import Rule
from runforge.core.states import State
from runforge.core.submission import USUAL, Submission
from runforge.drills.plans import plan, request
from runforge.queue import cancel
from runforge.queue import retry as retrying_by_hand
from runforge.queue.submit import enqueue_sweep
from runforge.store import records, verify
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.faults.kit import Daemon, daemon

__all__ = ["daemon"]

#: Succeeds once as many attempts as it was told have been made; `$0` notes them, `$1` is the number.
SCRIPT = 'echo x >> "$0"; test $(wc -l < "$0") -ge "$1" || exit 3'


def enqueue(
    ws: Workspace, notes: Path, good_at: int, submission: Submission = USUAL, *, retry: Rule | None = None
) -> str:
    command = ["/bin/sh", "-c", SCRIPT, str(notes), "{good_at}"]
    base = request(family="command", command=command, hyperparameters={"good_at": good_at})
    if retry is not None:
        base["retry"] = json.loads(retrying.to_json((retry,)))
    runs = [{"model.hyperparameters.good_at": good_at}]
    document = plan(ws.root, base, {"type": "list", "runs": runs}, name="again")
    return enqueue_sweep(ws, json.dumps(document).encode(), submission, where="plan").run_ids[0]


def causes(ws: Workspace) -> list[tuple[str | None, int | None]]:
    with open_journal(ws) as journal, journal.read() as tx:
        found = [records.attempt(row) for row in tx.rows("attempts.all")]
    return [(attempt.cause, attempt.exit_code) for attempt in found]


def only(ws: Workspace) -> Job:
    with open_journal(ws) as journal, journal.read() as tx:
        (job,) = map(records.job, tx.rows("jobs.all"))
    return job


def rule(times: int, seconds: float) -> Rule:
    return Rule(times, ("exit",), seconds)


def test_a_failed_attempt_is_followed_by_others_until_one_succeeds(
    ws: Workspace, daemon: Daemon, tmp_path: Path
) -> None:
    enqueue(ws, tmp_path / "notes", 3, retry=rule(2, 0.05))
    daemon.until(lambda: daemon.states() == ["succeeded"], "the third attempt is good")
    assert causes(ws) == [("exit", 3), ("exit", 3), ("exit", 0)]
    assert only(ws).retries_used == "[2]"
    assert verify.check(ws) == []


def test_the_last_failure_counts_and_a_person_s_retry_starts_anew(
    ws: Workspace, daemon: Daemon, tmp_path: Path
) -> None:
    run_id = enqueue(ws, tmp_path / "notes", 4, retry=rule(1, 0.05))
    daemon.until(lambda: daemon.states() == ["failed"], "both attempts have failed")
    assert causes(ws) == [("exit", 3)] * 2
    retrying_by_hand.retry_run(ws, run_id)
    assert only(ws).retries_used == "[]"
    daemon.until(lambda: daemon.states() == ["succeeded"], "the fourth attempt is good")


def test_a_run_that_backs_off_says_why_and_can_be_canceled(
    ws: Workspace, daemon: Daemon, tmp_path: Path
) -> None:
    run_id = enqueue(ws, tmp_path / "notes", 9, retry=rule(5, 3600.0))
    daemon.until(lambda: only(ws).attempt == 2, "it has failed once")
    job = only(ws)
    assert (job.state, job.cause, job.error) == (State.QUEUED, "exit", "exit code 3")
    assert job.not_before is not None
    assert 3200 < clock.seconds_between(clock.now(), job.not_before) <= 3960
    assert 3200 < (daemon.engine.wait_seconds() or 0) <= 3960
    cancel.cancel_run(ws, run_id)
    daemon.round()
    assert daemon.states() == ["canceled"]


def test_a_daemon_that_has_nothing_to_do_hears_of_a_run_for_later(
    ws: Workspace, daemon: Daemon, tmp_path: Path
) -> None:
    daemon.round()
    daemon.round()
    enqueue(ws, tmp_path / "notes", 1, Submission(not_before=clock.later(clock.now(), 900.0)))
    daemon.round()
    assert 800 < (daemon.engine.wait_seconds() or 0) <= 900
    assert daemon.states() == ["queued"]
    enqueue(ws, tmp_path / "others", 1, Submission(not_before=clock.later(clock.now(), 0.2)))
    daemon.until(lambda: daemon.states() == ["queued", "succeeded"], "the second is due")
