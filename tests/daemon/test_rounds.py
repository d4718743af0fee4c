"""A round of a daemon has a limited length, whatever ends or fails in it: between two rounds it beats and hears."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from bench.diet import _AtOnce
from runforge import clock
from runforge.backends.base import Event, Launch, NoRunFolder
from runforge.core.resources import Resources
from runforge.daemon.claims import Claims
from runforge.daemon.engine import Engine
from runforge.daemon.main import take_over
from runforge.daemon.settings import Listener, Settings
from runforge.machine.gpus import Gpus
from runforge.queue import cancel
from runforge.store import transitions, verify
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace

MOST_A_TICK = 32
JOBS = 3 * MOST_A_TICK + 5


class _Held(_AtOnce):
    """Runs end when they are told to, all at once."""

    is_over = False

    def events(self) -> Iterator[Event]:
        return super().events() if self.is_over else iter(())


class _Refusing(_AtOnce):
    """No run has its folder."""

    def launch(self, launch: Launch) -> None:
        super().launch(launch)
        raise NoRunFolder("it was deleted")

    def events(self) -> Iterator[Event]:
        return iter(())


@pytest.fixture
def journal(ws: Workspace) -> Iterator[Journal]:
    with open_journal(ws, create=True) as made:
        with made.write() as tx:
            for number in range(JOBS):
                names = {"job_id": f"j{number}", "run_id": f"r{number}", "run_dir": "x", "now": clock.now()}
                usual = {
                    "group_id": None,
                    "lane_id": 1,
                    "priority": 0,
                    "overrides": "{}",
                    "dry_run_seconds": None,
                }
                transitions.enqueue(tx, Resources(), **usual, **names)
        yield made
    assert verify.check(ws) == []


def _engine(journal: Journal, backend: _AtOnce, slots: int) -> Engine:
    claims = Claims(take_over(journal, Settings(max_parallel=slots)), slots, 1, Gpus())
    quiet = Listener(lambda _job: None, lambda _job, _ending: None, lambda _text: None)
    engine = Engine(journal, backend, clock.SYSTEM, claims, quiet, orphans="requeue")  # type: ignore[arg-type]
    engine.start()
    return engine


def _in_state(ws: Workspace, state: str) -> int:
    return [job.state for job in lists.jobs(ws)].count(state)


def test_launches_that_fail_at_once_take_many_rounds(ws: Workspace, journal: Journal) -> None:
    backend = _Refusing()
    engine = _engine(journal, backend, 2)
    rounds = []
    while backend.launches < JOBS:
        before = backend.launches
        engine.tick()
        rounds.append(backend.launches - before)
        assert engine.wait_seconds() == (0.0 if backend.launches < JOBS else None)
    assert rounds == [MOST_A_TICK] * 3 + [5]
    assert _in_state(ws, "failed") == JOBS


def test_runs_that_end_together_take_many_rounds(ws: Workspace, journal: Journal) -> None:
    backend = _Held()
    engine = _engine(journal, backend, JOBS)
    for started in (*range(MOST_A_TICK, JOBS, MOST_A_TICK), JOBS):
        engine.tick()
        assert (backend.launches, _in_state(ws, "running")) == (started, started)
    backend.is_over = True
    for left in (*range(JOBS - MOST_A_TICK, 0, -MOST_A_TICK), 0):
        engine.tick()
        assert _in_state(ws, "running") == left
        assert engine.wait_seconds() == (0.0 if left else None)


def test_a_cancel_is_heard_between_two_rounds(ws: Workspace, journal: Journal) -> None:
    engine = _engine(journal, _Refusing(), 2)
    engine.tick()
    cancel.cancel_run(ws, f"r{JOBS - 1}")
    for _ in range(4):
        engine.tick()
    assert (_in_state(ws, "canceled"), _in_state(ws, "failed")) == (1, JOBS - 1)
