"""What waits for what survives a damage: from the rows, from the entries, or from queue.json."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge.core import retrying
from runforge.core.records import Job
from runforge.core.retrying import Rule
from runforge.core.states import Cause, State
from runforge.exports.exporter import Exporter
from runforge.queue import limit
from runforge.store import edges, records, replay, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.store.recovery import rebuild, salvage
from runforge.store.recovery.recover import recover
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit, on, on_group

FAIL = State.FAILED
RULES = retrying.to_json((Rule(2),))


@pytest.fixture
def journal(bare_ws: Workspace) -> Iterator[Journal]:
    """A queue with every kind of edge: to wait for, met, and lost."""
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as made:
        kit = Kit(made)
        kit.group("g")
        kit.job("m", group="g")
        kit.job("good", name="prep", tags='["a"]', notes="n", env_id="e" * 64, request_sha="f" * 64)
        kit.job("bad", retry_rules=RULES)
        kit.job("open", on_group("g"), on("good"), held=1)
        kit.job("lost", on("bad"))
        kit.job("ran", on("good"))
        limit.set_limit(bare_ws, "g", 3)
        kit.run("good")
        kit.run("bad", FAIL)
        kit.run("ran")
        Exporter(bare_ws, made).write()
        yield made


def told(path: Path) -> tuple[list[Job], dict[str, list[object]]]:
    from runforge.store.journal import Transaction
    from runforge.store.sqlite import sqlite

    connection = sqlite.connect(str(path), isolation_level=None)
    connection.row_factory = sqlite.Row
    try:
        tx = Transaction(connection)
        jobs = [records.job(row) for row in tx.rows("jobs.all")]
        assert verify.check_connection(connection) == []
        return jobs, {job.job_id: list(edges.of_job(tx, job.job_id)) for job in jobs}
    finally:
        connection.close()


@pytest.mark.usefixtures("journal")
def test_saved_rows_make_the_same_queue(bare_ws: Workspace) -> None:
    before = told(bare_ws.journal)
    fresh = bare_ws.journal.with_name("fresh.db")
    saved = salvage.read(bare_ws.journal, {})
    entries = list(saved["journal"])
    assert rebuild.write(fresh, saved) == []
    assert told(fresh) == before
    assert saved["journal"] == entries


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("missing", ["dependencies", "columns"])
def test_what_is_lost_comes_back_from_the_entries(bare_ws: Workspace, missing: str) -> None:
    before = told(bare_ws.journal)
    fresh = bare_ws.journal.with_name("fresh.db")
    saved = salvage.read(bare_ws.journal, {})
    if missing == "dependencies":
        saved["dependencies"] = []
    else:
        for job in saved["jobs"]:
            for name in replay.PLAIN:
                del job[name]
    assert rebuild.write(fresh, saved) == []
    assert told(fresh) == before


@pytest.mark.usefixtures("journal")
def test_who_waits_for_a_parent_that_has_ended_meanwhile_is_decided(bare_ws: Workspace) -> None:
    saved = salvage.read(bare_ws.journal, {})
    for job in saved["jobs"]:
        if job["job_id"] == "m":
            end = {"state": "failed", "finished_at": "x", "started_at": "x", "error": "e", "cause": "exit"}
            job.update(end)
    fresh = bare_ws.journal.with_name("fresh.db")
    assert rebuild.write(fresh, saved) == []
    after = {job.job_id: job for job in told(fresh)[0]}
    assert (after["open"].state, after["open"].cause) == (State.CANCELED, Cause.DEPENDENCY)


def test_a_journal_that_is_lost_comes_back_from_the_exports(bare_ws: Workspace, journal: Journal) -> None:
    before = {job.job_id: job for job in told(bare_ws.journal)[0]}
    waits = told(bare_ws.journal)[1]["open"]
    journal.close()
    bare_ws.journal.write_bytes(b"no journal any more")
    for suffix in ("-wal", "-shm"):
        Path(f"{bare_ws.journal}{suffix}").unlink(missing_ok=True)
    recover(bare_ws)
    jobs, after = told(bare_ws.journal)
    assert after["open"] == [edge for edge in waits if not edge[1]]  # type: ignore[index]
    for job in jobs:
        for field in ("state", "name", "tags", "held", "not_before"):
            assert getattr(job, field) == getattr(before[job.job_id], field), (job.job_id, field)
