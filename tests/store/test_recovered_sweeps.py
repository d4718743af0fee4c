"""How a sweep goes on survives a damage; a group of which nobody knows it any more is closed."""

from __future__ import annotations

from pathlib import Path

import pytest

from runforge import clock
from runforge.core.outcome import Ending, Grant
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.core.stop_rules import Verdict
from runforge.core.study import Study
from runforge.documents import strict_json
from runforge.drills.plans import plan, request
from runforge.exports.exporter import Exporter
from runforge.queue import extending
from runforge.queue.submit import enqueue_sweep
from runforge.store import records, studies, transitions, verify
from runforge.store.journal import Transaction
from runforge.store.opening import open_journal
from runforge.store.recovery import rebuild, salvage
from runforge.store.recovery.recover import recover
from runforge.store.sqlite import sqlite
from runforge.workspace import Workspace


def queue(ws: Workspace) -> None:
    space = [{"path": "model.hyperparameters.n", "low": 0, "high": 9}]
    document = plan(ws.root, request(), {"type": "tpe", "number": 5, "parameters": space}, name="lm")
    document["objective"] = {"metric": "loss", "direction": "minimize"}
    enqueue_sweep(ws, strict_json.dump(document), where="plan")


def told(path: Path) -> list[tuple[bool, bool, Study | None]]:
    connection = sqlite.connect(str(path), isolation_level=None)
    connection.row_factory = sqlite.Row
    try:
        assert verify.check_connection(connection) == []
        tx = Transaction(connection)
        groups = [records.group(row) for row in tx.rows("groups.all")]
        return [(g.is_open, g.finished_at is None, studies.of_group(tx, g.group_id)) for g in groups]
    finally:
        connection.close()


def test_a_sweep_goes_on_as_it_was(ws: Workspace) -> None:
    queue(ws)
    fresh = ws.journal.with_name("fresh.db")
    assert rebuild.write(fresh, salvage.read(ws.journal, {})) == []
    assert told(fresh) == told(ws.journal)
    assert told(fresh)[0][0]


def test_a_group_whose_sweep_is_lost_is_closed(ws: Workspace) -> None:
    queue(ws)
    fresh = ws.journal.with_name("fresh.db")
    saved = salvage.read(ws.journal, {})
    saved["sweeps"] = []
    assert rebuild.write(fresh, saved) == []
    assert told(fresh) == [(False, False, None)]


VERDICT = Verdict("median", 4.0, 0.5, float("-inf"))
FIELDS = (
    "run_id",
    "state",
    "cause",
    "error",
    "overrides",
    "recipe",
    "config_hash",
    "trial_no",
    "stop_reason",
)


def stop_first(ws: Workspace) -> None:
    """The rule stops the first run of a sweep of six random trials."""
    space = [{"path": "model.hyperparameters.n", "low": 0, "high": 99}]
    document = plan(ws.root, request(), {"type": "random", "number": 6, "parameters": space}, name="lm")
    document["objective"] = {"metric": "loss", "direction": "minimize"}
    enqueue_sweep(ws, strict_json.dump(document), where="plan")
    with open_journal(ws) as journal:
        with journal.write() as tx:
            first = records.job(tx.rows("jobs.all")[0])
            transitions.claim(tx, first, Grant("t1", 1, 0), clock.now())
            reason = VERDICT.to_json()
            tx.run("jobs.stop_early", job_id=first.job_id, attempt=1, reason=reason, now=clock.now())
            going = records.job(tx.row("jobs.by_job_id", job_id=first.job_id))
            transitions.end(tx, going, Ending(State.CANCELED, Cause.STOPPED_EARLY, "stopped"), clock.now())
        Exporter(ws, journal).write()
        journal.checkpoint()


def runs(ws: Workspace) -> list[tuple[object, ...]]:
    with open_journal(ws) as journal, journal.read() as tx:
        jobs: list[Job] = [records.job(row) for row in tx.rows("jobs.all")]
    return sorted(tuple(getattr(job, name) for name in FIELDS) for job in jobs)


@pytest.mark.parametrize("lost", ["the jobs", "the jobs and what is told of them", "all"])
def test_a_run_keeps_its_part_in_its_sweep(ws: Workspace, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """So a sweep does not make it again, and says why it was stopped."""
    stop_first(ws)
    before = runs(ws)
    read = salvage.read

    def damaged(path: Path, ids: dict[str, list[str]]) -> dict[str, list[salvage.Row]]:
        found = read(path, ids)
        gone = {"the jobs": ["jobs"], "all": list(found)}.get(lost, ["jobs", "journal"])
        return {table: [] if table in gone else rows for table, rows in found.items()}

    monkeypatch.setattr(salvage, "read", damaged)
    recover(ws)
    number = FIELDS.index("trial_no")
    without = [(*run[:number], None, *run[number + 1 :]) for run in before] if lost == "all" else before
    assert runs(ws) == without
    assert verify.check(ws) == []
    with open_journal(ws) as journal, journal.read() as tx:
        told_again = [
            row["detail"] for row in tx.rows("journal.entries_all") if row["event"] == "stop_decided"
        ]
    assert told_again == [VERDICT.to_json()]


def test_a_recovered_sweep_makes_only_what_it_has_not(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    stop_first(ws)
    read = salvage.read
    monkeypatch.setattr(salvage, "read", lambda *given: {**read(*given), "jobs": [], "journal": []})
    recover(ws)
    extending.extend(ws, "lm", [], 30)
    found = runs(ws)
    digests = {run[FIELDS.index("config_hash")] for run in found}
    assert len(digests) == len(found) == 36
