"""Frozen runs, wishes and yields survive a damage: from the rows, from the entries, or from queue.json."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge import clock
from runforge.core import yielding
from runforge.core.outcome import Ending
from runforge.core.records import ASKED_AND_HELD, Job
from runforge.core.states import Cause, State
from runforge.exports.exporter import Exporter
from runforge.store import edges, replay, transitions, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.store.recovery import rebuild, salvage
from runforge.store.recovery.recover import recover
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit
from tests.store.test_recovered_edges import told

FIELDS = ("state", "held", "frozen_at", "yield_requested", "is_resumable", "on_lost", "yields")


@pytest.fixture
def journal(bare_ws: Workspace) -> Iterator[Journal]:
    """A frozen run, one that was asked to make room, and one that has made room twice."""
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as made:
        kit = Kit(made)
        for name in ("frozen", "asked", "back", "plain"):
            kit.job(name, is_resumable=int(name != "plain"), on_lost="hold" if name == "frozen" else None)
        kit.claim("frozen", "asked", "back")
        give_back(kit, "back", 3)
        kit.claim("back")
        give_back(kit, "back", 3)
        with made.write() as tx:
            transitions.set_frozen(tx, edges.known_job(tx, "frozen"), clock.now(), is_frozen=True)
            transitions.ask_to_yield(tx, edges.known_job(tx, "asked"), clock.now(), ASKED_AND_HELD)
        Exporter(bare_ws, made).write()
        yield made


def give_back(kit: Kit, name: str, step: float) -> None:
    with kit.journal.write() as tx:
        job = edges.known_job(tx, name)
        ending = Ending(State.QUEUED, Cause.YIELDED, "yielded", last_step=step)
        transitions.give_back(tx, job, yielding.returned(job, ending), clock.now())


def jobs(path: Path) -> dict[str, Job]:
    return {job.job_id: job for job in told(path)[0]}


@pytest.mark.usefixtures("journal")
def test_the_queue_is_as_it_should_be(bare_ws: Workspace) -> None:
    found = jobs(bare_ws.journal)
    back = found["back"]
    assert (back.yields, back.idle_yields, back.last_step, back.attempt, back.lost) == (2, 1, 3, 3, 0)
    assert found["frozen"].frozen_at is not None
    assert found["asked"].yield_requested == ASKED_AND_HELD
    assert verify.check(bare_ws) == []


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("missing", [(), tuple(replay.PLAIN)], ids=["nothing", "columns"])
def test_rows_and_entries_make_the_same_queue(bare_ws: Workspace, missing: tuple[str, ...]) -> None:
    before = jobs(bare_ws.journal)
    saved = salvage.read(bare_ws.journal, {})
    for job in saved["jobs"]:
        for name in missing:
            del job[name]
    fresh = bare_ws.journal.with_name("fresh.db")
    assert rebuild.write(fresh, saved) == []
    assert jobs(fresh) == before


@pytest.mark.usefixtures("journal")
def test_rows_whose_entries_are_lost_get_new_ones(bare_ws: Workspace) -> None:
    before = jobs(bare_ws.journal)
    saved = salvage.read(bare_ws.journal, {})
    saved["journal"] = []
    fresh = bare_ws.journal.with_name("fresh.db")
    assert rebuild.write(fresh, saved) == []
    after = jobs(fresh)
    for name, job in before.items():
        assert [getattr(after[name], field) for field in FIELDS] == [getattr(job, field) for field in FIELDS]


def test_a_journal_that_is_lost_comes_back_from_the_exports(bare_ws: Workspace, journal: Journal) -> None:
    before = jobs(bare_ws.journal)
    journal.close()
    bare_ws.journal.write_bytes(b"no journal any more")
    for suffix in ("-wal", "-shm"):
        Path(f"{bare_ws.journal}{suffix}").unlink(missing_ok=True)
    recover(bare_ws)
    after = jobs(bare_ws.journal)
    for name in ("is_resumable", "on_lost", "yields", "frozen_at"):
        assert {i: getattr(job, name) for i, job in after.items()} == {
            i: getattr(job, name) for i, job in before.items()
        }
    # The exports do not say that it was to be held.
    assert after["asked"].yield_requested == 1
