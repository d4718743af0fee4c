"""Runs that do nothing are marked and told of once; those that asked for it are ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import pytest

from runforge.backends.base import AttemptRef, Backend
from runforge.clock import SystemClock
from runforge.core.guards import LOOK_SECONDS, Signs, shows_life
from runforge.core.policy import Past
from runforge.core.states import State
from runforge.daemon.attempt_table import AttemptTable, RunningAttempt
from runforge.daemon.stall_watch import StallWatch
from runforge.drills.plans import plan, request
from runforge.queue.submit import enqueue_sweep
from runforge.store import records
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.faults.kit import Daemon, daemon
from tests.store.queue_kit import Kit

__all__ = ["daemon"]


class Clock(SystemClock):
    seconds = 1000.0

    def monotonic(self) -> float:  # type: ignore[override]
        return self.seconds


class Body:
    """A backend whose attempts show what the test says."""

    def __init__(self) -> None:
        self.now: Signs | None = Signs(1, 0.0)
        self.looks = 0
        self.ended: list[float] = []

    def signs(self, _ref: AttemptRef) -> Signs | None:
        self.looks += 1
        return self.now

    def end_stalled(self, _ref: AttemptRef, seconds: float) -> bool:
        self.ended.append(seconds)
        return True


class Watched:
    """One running attempt under watch."""

    def __init__(self, journal: Journal, **options: Any) -> None:
        self.kit = Kit(journal)
        self.kit.job("a", **options)
        self.kit.claim("a")
        self.clock, self.body = Clock(), Body()
        self.watch = StallWatch(journal, cast("Backend", self.body), self.clock, lambda: 0, lambda _: None)
        self.attempts = AttemptTable()
        ref = AttemptRef("a", 1, "t", "runs/a")
        self.attempts.add(RunningAttempt(self.kit.get("a"), ref, Past(), devices=("GPU-1",)))
        self.gpu_use = {"GPU-1": 0.0}

    def go(self, seconds: float, step: float = 10.0) -> bool:
        """Let time go by; return whether the run is marked then."""
        for _ in range(round(seconds / step)):
            self.clock.seconds += step
            self.watch.step(self.attempts, self.gpu_use)
        return self.kit.get("a").stalled_at is not None

    def notices(self) -> list[Any]:
        with self.kit.journal.read() as tx:
            return tx.rows("outbox.all")


@pytest.fixture
def journal(bare_ws: Workspace) -> Iterator[Journal]:
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        yield journal


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (Signs(1, 0.5), False),
        (Signs(2, 0.0), True),
        (Signs(1, 1.0), True),
        (Signs(1, 0.0, gpu_use=3.0), True),
    ],
)
def test_a_byte_a_cpu_second_or_a_busy_gpu_is_life(now: Signs, expected: bool) -> None:
    assert shows_life(Signs(1, 0.0), now) is expected


def test_half_an_hour_of_nothing_is_marked_and_told_once(journal: Journal) -> None:
    run = Watched(journal)
    assert not run.go(1800)
    assert run.go(120)
    run.go(3600)
    (notice,) = run.notices()
    assert (notice["event"], notice["job_id"]) == ("stall", "a")
    assert 1800 <= json.loads(notice["detail"])["seconds"] < 1800 + 2 * LOOK_SECONDS
    assert run.body.ended == []


def test_a_new_daemon_keeps_the_mark_tells_nothing_again_and_takes_it_away(journal: Journal) -> None:
    run = Watched(journal, stall_seconds=60.0, stall_kill=0)
    assert run.go(120)
    again = Watched.__new__(Watched)
    again.__dict__.update(run.__dict__)
    again.watch = StallWatch(journal, cast("Backend", run.body), run.clock, lambda: 0, lambda _: None)
    again.attempts = AttemptTable()
    ref = AttemptRef("a", 1, "t", "runs/a")
    again.attempts.add(RunningAttempt(run.kit.get("a"), ref, Past()))
    assert again.go(300)
    assert len(again.notices()) == 1
    run.body.now = Signs(7, 0.0)
    assert not again.go(60)


def test_it_is_looked_at_once_a_minute_at_most(journal: Journal) -> None:
    run = Watched(journal)
    run.go(3600, step=1.0)
    assert run.body.looks <= 60


def test_every_sign_of_life_starts_the_time_anew_and_takes_the_mark_away(journal: Journal) -> None:
    run = Watched(journal)
    for number in range(3):
        assert not run.go(1500)
        run.body.now = Signs(2 + number, 0.0)
    run.gpu_use["GPU-1"] = 80.0
    assert not run.go(4000)
    run.gpu_use["GPU-1"] = 0.0
    assert run.go(2000)
    run.body.now = Signs(99, 0.0)
    assert not run.go(70)
    assert run.go(2000)
    assert len(run.notices()) == 2
    with journal.read() as tx:
        events = [row["event"] for row in tx.rows("journal.entries_all") if row["job_id"] == "a"]
    assert events[-3:] == ["stalled", "alive_again", "stalled"]


def test_its_own_time_counts_and_0_is_never(journal: Journal) -> None:
    run = Watched(journal, stall_seconds=60.0, stall_kill=1)
    assert run.go(120)
    assert run.body.ended == [60.0]
    run.go(600)
    assert run.body.ended == [60.0]


def test_who_wants_no_watch_has_none(journal: Journal) -> None:
    run = Watched(journal, stall_seconds=0.0)
    assert not run.go(10_000)
    assert run.body.looks == 0
    assert run.watch.wait_seconds() is None, "nobody has to wake up for it"


def test_what_cannot_be_seen_is_not_stalled(journal: Journal) -> None:
    run = Watched(journal)
    run.body.now = None
    assert not run.go(4000)
    run.body.now = Signs(1, 0.0)
    assert run.go(2000)


def enqueue(ws: Workspace, script: str, **fields: Any) -> str:
    base = {
        **request(family="command", command=["/bin/sh", "-c", script], hyperparameters={"n": 0}),
        **fields,
    }
    runs = {"type": "list", "runs": [{"model.hyperparameters.n": 1}]}
    document = plan(ws.root, base, runs, name="stall")
    return enqueue_sweep(ws, json.dumps(document).encode(), where="plan").run_ids[0]


def test_a_real_run_that_does_nothing_is_ended_as_timed_out(ws: Workspace, daemon: Daemon) -> None:
    run_id = enqueue(ws, "echo here; sleep 300", stall_seconds=1.0, stall_kill=True)
    daemon.until(lambda: daemon.states() == ["failed"], "it is ended")
    view = lists.run(ws, run_id)
    assert (view.job.cause, view.job.error) == ("timeout", "no sign of life for 1s")
    assert "stalled" in [entry["event"] for entry in view.timeline]
    with open_journal(ws) as journal, journal.read() as tx:
        assert [row["event"] for row in tx.rows("outbox.all")] == ["stall", "failed", "group_done"]


def test_a_real_run_that_computes_without_a_word_is_left_alone(ws: Workspace, daemon: Daemon) -> None:
    busy = "i=0; end=$(($(date +%s) + 7)); while [ $(date +%s) -lt $end ]; do i=$((i+1)); done"
    enqueue(ws, busy, stall_seconds=6.0, stall_kill=True)
    daemon.until(lambda: daemon.states() == ["succeeded"], "it ends by itself")
    with open_journal(ws) as journal, journal.read() as tx:
        (job,) = map(records.job, tx.rows("jobs.all"))
    assert job.state is State.SUCCEEDED
