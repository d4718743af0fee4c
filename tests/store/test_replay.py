"""The entries are replayed job by job: what a row should be is known from its own entries, cheaply for nearly all."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench import big
from runforge.core.states import State
from runforge.store import replay, verify
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit, on

#: A value of each column that the entries tell, other than the usual one.
_LIES = {
    "run_id": "'other'",
    "state": "'succeeded', finished_at = '2030', started_at = '2030', error = NULL",
    "attempt": "7",
    "priority": "3",
    "shape_id": "2",
    "held": "1",
    "blockers": "1",
    "not_before": "'2030'",
    "name": "'other'",
    "tags": "'[\"x\"]'",
    "notes": "'other'",
    "env_id": "'e'",
    "request_sha": "'s'",
    "retry_rules": "'[{}]'",
    "version": "1",
    "is_resumable": "1",
    "on_lost": "'hold'",
    "yields": "1",
    "idle_yields": "1",
    "last_step": "2.5",
    "frozen_at": "'2030'",
    "yield_requested": "1",
}


@pytest.fixture
def journal(bare_ws: Workspace) -> Iterator[Journal]:
    """A journal with a job in each state, some of them described, gated, or with an edge."""
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as made:
        kit = Kit(made)
        kit.group("g")
        kit.job("a", group="g")
        kit.job("b", name="prep", tags='["x", "y"]', notes="ä", priority=4)
        kit.job("c", on("b"))
        kit.job("d", held=1)
        kit.run("a")
        kit.job("e")
        kit.run("e", State.FAILED)
        yield made


def problems(journal: Journal) -> list[str]:
    with journal.read() as tx:
        return verify.contradictions(tx)


def test_every_column_that_the_entries_tell_is_compared(journal: Journal) -> None:
    assert problems(journal) == []
    assert set(_LIES) == {*replay._TOLD, "shape_id"} - {"needs", "delayed"}
    run = journal.connection.execute
    for (trigger,) in run("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        run(f"DROP TRIGGER {trigger}")
    for column, value in _LIES.items():
        run("BEGIN")
        run(f"UPDATE jobs SET {column} = {value} WHERE job_id = 'b'")
        told = verify.contradictions(Transaction(journal.connection))
        run("ROLLBACK")
        name = {"shape_id": "needs"}.get(column, column)
        assert any(text.startswith(f"b: {name} is ") for text in told), (column, told)


def test_entries_that_are_wrong_are_found(journal: Journal) -> None:
    run = journal.connection.execute
    run("DROP TRIGGER journal_is_append_only")
    run("DROP TRIGGER journal_keeps_everything")
    for change, told in (
        ("DELETE FROM journal WHERE job_id = 'e' AND event = 'claimed'", "which is not allowed"),
        ("DELETE FROM journal WHERE job_id = 'b'", "b is in the table but not in the journal"),
        ("DELETE FROM journal WHERE job_id = 'a' AND event = 'enqueued'", "a, which was never enqueued"),
        ("DELETE FROM journal WHERE job_id = 'c' AND event = 'waits_for'", "c waits for [("),
        ("DELETE FROM journal WHERE event = 'group_created'", "g is in the table but not in the journal"),
        (("INSERT INTO journal (at, event, job_id, to_state, attempt, detail)"
         " SELECT at, event, 'z', to_state, attempt, detail FROM journal WHERE job_id = 'b' AND event = 'enqueued'"),
         "z is in the journal but not in the table"),
    ):  # fmt: skip
        run("BEGIN")
        run(change)
        found = verify.contradictions(Transaction(journal.connection))
        run("ROLLBACK")
        assert any(told in text for text in found), (change, found)


def test_counters_that_are_wrong_are_found(journal: Journal) -> None:
    run = journal.connection.execute
    run("PRAGMA foreign_keys=OFF")
    for (trigger,) in run("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetchall():
        run(f"DROP TRIGGER {trigger}")
    lane = run("SELECT lane_id FROM jobs WHERE job_id = 'a'").fetchone()[0]
    turn = "lane 1: its ready jobs of need 1, or its turn, are wrong"
    for change, told in (
        ("UPDATE lanes SET queued = queued + 1 WHERE lane_id = 1",
         ["lane 1: the counter of queued says 4, the table has 3"]),
        ("DELETE FROM lanes WHERE lane_id = 1", ["lane 1 has jobs but does not exist", turn]),
        ("UPDATE lane_shapes SET ready = ready + 1 WHERE lane_id = 1", [turn]),
        ("UPDATE lane_shapes SET served = served + 1 WHERE lane_id = 1", [turn]),
        ("UPDATE lane_shapes SET is_closed = 1 WHERE lane_id = 1", [turn]),
        ("DELETE FROM lane_shapes WHERE lane_id = 1", [turn]),
        (f"DELETE FROM lane_shapes WHERE lane_id = {lane}", []),  # it has no ready job
    ):  # fmt: skip
        run("BEGIN")
        run(change)
        found = verify.contradictions(Transaction(journal.connection))
        run("ROLLBACK")
        assert found == told, change


def test_few_jobs_need_a_closer_look_and_nothing_is_read_whole(
    bare_ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = big.make(bare_ws.root / "big", 300, 3)
    looked, whole = [], []
    really, rows = verify._compare_job, Transaction.rows

    def compare_job(tx: Transaction, job_id: str) -> list[str]:
        looked.append(job_id)
        return really(tx, job_id)

    def counted(self: Transaction, name: str, /, **values: object) -> list[object]:
        found = rows(self, name, **values)
        whole.append((name, len(found)))
        return found

    monkeypatch.setattr(verify, "_compare_job", compare_job)
    monkeypatch.setattr(Transaction, "rows", counted)
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(verify, "_TOLD_EACH", 100)
    assert verify.check(here, lambda done, total: told.append((done, total))) == []
    assert told == [(100, 300), (200, 300), (300, 300)]
    assert looked == []
    assert max(count for _, count in whole) < 300, whole


def test_the_first_entry_is_the_text_that_the_check_expects(journal: Journal) -> None:
    """If the trigger tells more one day, every job needs a closer look: then `journal.stories` must tell it too."""
    with journal.read() as tx:
        ends = {
            row["job_id"]: (replay.end_of(row["story"]), row["is_usual"])
            for row in tx.rows("journal.stories")
        }
    moved = {"a": ("succeeded", 1), "b": ("queued", 1), "e": ("failed", 1)}
    assert {job_id: end for job_id, (end, is_usual) in ends.items() if is_usual} == moved
    assert {job_id: end for job_id, (end, is_usual) in ends.items() if not is_usual} == {"c": None, "d": None}
