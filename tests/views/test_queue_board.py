"""What is kept between two looks at the queue says the same as a look at everything."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from bench import big
from runforge import clock, ids
from runforge.core.outcome import Ending, Grant
from runforge.core.states import Cause, State
from runforge.queue import cancel, hold, limit, move, pause, priority, prune, retry
from runforge.store import records, transitions
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import open_journal
from runforge.views.queue_snapshot import JobQuery, QueueReader
from runforge.workspace import Workspace
from tests.tui.kit import enqueue

pytestmark = pytest.mark.slow

Change = Callable[[], object]


class Restless:
    """Changes a queue at random."""

    def __init__(self, ws: Workspace, journal: Journal, dice: random.Random) -> None:
        self._ws, self._journal, self._dice = ws, journal, dice

    def change(self) -> None:
        """Do one thing."""
        ids = self._jobs("queued"), self._jobs("failed", "canceled"), self._groups()
        queued, ended, groups = ids
        some = self._dice.sample(queued, min(2, len(queued)))
        choices: list[Change] = [lambda: enqueue(self._ws, runs=self._dice.randint(1, 3))]
        if some:
            choices += [
                self.start,
                self.start,
                lambda: priority.set_priorities(self._ws, some, self._dice.randint(-1, 3)),
                lambda: move.move(self._ws, some[:1], move.before(self._dice.choice(queued))),
                lambda: hold.hold(self._ws, some),
                lambda: hold.release(self._ws, queued),
                lambda: cancel.cancel(self._ws, some),
            ]
        if self._jobs("running"):
            choices += [self.end] * 3
        if ended:
            choices.append(lambda: retry.retry(self._ws, self._dice.sample(ended, 1)))
            choices.append(lambda: prune.prune(self._ws, 0))
        if groups:
            name = self._dice.choice(groups)
            choices += [
                lambda: pause.pause_group(self._ws, name),
                lambda: pause.resume_group(self._ws, name),
                lambda: limit.set_limit(self._ws, name, self._dice.randint(1, 4)),
            ]
        self._dice.choice(choices)()

    def _jobs(self, *states: str) -> list[str]:
        found = self._journal.connection.execute("SELECT job_id, state FROM jobs ORDER BY seq").fetchall()
        return [row[0] for row in found if row[1] in states]

    def _groups(self) -> list[str]:
        rows = self._journal.connection.execute("SELECT group_id FROM groups").fetchall()
        return [row[0] for row in rows]

    def start(self) -> None:
        """Start a run."""
        with self._journal.write() as tx:
            taken = {row[0] for row in self._journal.connection.execute("SELECT slot_no FROM slots")}
            ready = [records.job(tx.row("jobs.by_job_id", job_id=job_id)) for job_id in self._jobs("queued")]
            ready = [job for job in ready if not job.held]
            if ready:
                grant = Grant(f"t{self._dice.random()}", 1, min(set(range(99)) - taken))
                transitions.claim(tx, self._dice.choice(ready), grant, clock.now())

    def end(self, again: float = 0.3) -> None:
        """End a run, or queue it again: so often."""
        with self._journal.write() as tx:
            job = records.job(tx.row("jobs.by_job_id", job_id=self._dice.choice(self._jobs("running"))))
            if self._dice.random() < again:
                transitions.requeue(tx, job, Ending(State.QUEUED, Cause.LOST, "lost"), clock.now())
                return
            state = self._dice.choice((State.SUCCEEDED, State.FAILED))
            error = "exit code 3" if state is State.FAILED else None
            transitions.end(tx, job, Ending(state, Cause.EXIT, error), clock.now())


@pytest.mark.parametrize("seed", range(3))
def test_a_look_after_changes_says_what_a_new_reader_says(ws: Workspace, seed: int) -> None:
    enqueue(ws, runs=4)
    dice = random.Random(seed)
    kept = QueueReader(ws)
    with open_journal(ws) as journal:
        restless = Restless(ws, journal, dice)
        for _ in range(25):
            for _ in range(dice.randint(1, 3)):
                restless.change()
            fresh = QueueReader(ws)
            seen, whole = kept.snapshot(JobQuery()), fresh.snapshot(JobQuery())
            assert list(seen.order) == list(whole.order)
            assert seen.groups == whole.groups
            fresh.close()
    kept.close()


def test_an_end_is_read_without_the_others(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    enqueue(ws, runs=4)
    asked: list[str] = []
    for name in ("row", "rows", "lists"):
        plain = getattr(Transaction, name)

        def told(tx: Transaction, query: str, *columns: Any, plain: Any = plain, **values: object) -> Any:
            asked.append(query)
            return plain(tx, query, *columns, **values)

        monkeypatch.setattr(Transaction, name, told)
    kept = QueueReader(ws)
    with open_journal(ws) as journal:
        restless = Restless(ws, journal, random.Random(1))
        restless.start()
        restless.start()
        restless.end(again=0)
        assert kept.snapshot(JobQuery()).counts["running"] == 1
        assert {"jobs.order_ended", "jobs.order_queued", "groups.all"} < set(asked)
        restless.start()
        restless.end(again=0)
        asked.clear()
        seen = kept.snapshot(JobQuery())
        assert sorted(seen.order) == [1, 2, 3, 4]
        assert seen.counts["queued"] == 1, "two have ended: none went back into the queue"
    kept.close()
    assert not {"jobs.order_ended", "jobs.order_queued", "groups.all"} & set(asked)


def test_a_change_reads_its_group_alone_though_all_were_made_at_the_same_moment(
    bare_ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As `make` does it. The groups that have entries are read, whenever the others were changed."""
    here = big.make(bare_ws.root / "big", 200, 100, ended=0.5)
    read: dict[str, int] = {}
    plain = Transaction.lists

    def told(tx: Transaction, query: str, columns: tuple[str, ...], /, **values: object) -> list[list[Any]]:
        found = plain(tx, query, columns, **values)
        read[query] = len(found)
        return found

    monkeypatch.setattr(Transaction, "lists", told)
    kept = QueueReader(here)
    first = kept.snapshot(JobQuery())
    assert read["groups.all"] == 100
    cancel.cancel_group(here, first.groups[7].group_id)
    read.clear()
    seen = kept.snapshot(JobQuery())
    kept.close()
    assert seen.groups[7].canceled == 1
    assert seen.groups[:7] + seen.groups[8:] == first.groups[:7] + first.groups[8:]
    assert read["groups.changed"] == 1
    assert sum(count for query, count in read.items() if query.startswith("groups.")) == 1


def test_groups_that_are_read_as_one_text_are_those_of_the_rows(ws: Workspace) -> None:
    enqueue(ws, runs=2)
    with open_journal(ws) as journal:
        with journal.write() as tx:
            for name in ('"quoted", [0]', "caf\u00e9 \u65e5\u672c", "back\\slash\ttab", "\x01"):
                values = {
                    **dict.fromkeys(("name", "notes", "objective_metric"), name),
                    "direction": "minimize",
                    "lane_id": tx.row("groups.new_lane")[0],
                    "group_id": ids.group_id(clock.now(), name, repeat=1),
                    "now": clock.now(),
                    "created_by": "test",
                    "max_parallel": 2,
                    "fail_fast": 1,
                }
                tx.run("groups.insert", **values)
        with journal.read() as tx:
            rows = tx.rows("groups.all")
            assert records.groups(tx) == [records.group(row) for row in rows]
            some = json.dumps([rows[1]["group_id"], rows[3]["group_id"]])
            assert records.groups(tx, "groups.changed", names=some) == [
                records.group(rows[place]) for place in (1, 3)
            ]
            assert records.groups(tx, "groups.changed", names="[]") == []
