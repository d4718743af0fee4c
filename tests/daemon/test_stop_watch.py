"""The daemon's look at sweeps with a stop rule: which curves it compares, and what it writes down."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from typing import Any

import pytest

from runforge import clock
from runforge.backends.base import AttemptRef
from runforge.clock import SystemClock
from runforge.core import stop_rules
from runforge.core.policy import Past
from runforge.core.states import Cause, State
from runforge.core.study import GRID, Study, Template
from runforge.daemon import stop_watch
from runforge.daemon.attempt_table import AttemptTable, RunningAttempt
from runforge.daemon.stop_watch import LOOK_SECONDS, StopWatch
from runforge.store import studies, targets
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit


class Clock(SystemClock):
    seconds = 1000.0

    def monotonic(self) -> float:  # type: ignore[override]
        return self.seconds


class Sweep:
    """A sweep whose runs report what the test says, under the watch of a daemon."""

    def __init__(self, journal: Journal, rule: str) -> None:
        self.journal, self.kit, self.clock = journal, Kit(journal), Clock()
        self.kit.group("lm")
        with journal.write() as tx:
            now = clock.now()
            tx.run("groups.set_objective", group_id="lm", metric="loss", direction="minimize", now=now)
            study = Study("lm", GRID, (), Template({}), stop=stop_rules.to_json(stop_rules.parse(rule)))
            studies.put(tx, study)
        self.attempts = AttemptTable()
        self.asked = 0
        self.said: list[str] = []
        self.watch = StopWatch(journal, self.clock, lambda: 0, self.said.append, self._stopped)

    def _stopped(self) -> None:
        self.asked += 1

    def reports(self, name: str, *losses: float) -> None:
        folder = self.journal.workspace.root / "runs" / name
        folder.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps({"name": "loss", "step": at, "value": loss}) for at, loss in enumerate(losses, 1)]
        (folder / "metrics.jsonl").write_text("".join(f"{line}\n" for line in lines))

    def ended(
        self, name: str, *losses: float, state: State = State.SUCCEEDED, cause: Cause = Cause.EXIT
    ) -> None:
        self.kit.job(name, group="lm")
        self.reports(name, *losses)
        self.kit.claim(name)
        self.kit.end(name, state, cause)

    def running(self, name: str, *losses: float) -> None:
        self.kit.job(name, group="lm")
        self.reports(name, *losses)
        self.kit.claim(name)
        ref = AttemptRef(name, 1, name, f"runs/{name}")
        self.attempts.add(RunningAttempt(self.kit.get(name), ref, Past()))

    def look(self) -> None:
        self.clock.seconds += LOOK_SECONDS
        self.watch.step(self.attempts)

    def reason(self, name: str) -> dict[str, Any] | None:
        text = self.kit.get(name).stop_reason
        return None if text is None else json.loads(text)


@pytest.fixture
def journal(bare_ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> Iterator[Journal]:
    monkeypatch.setattr(stop_watch, "_BUDGET", 600.0)  # each look reads all, on the slowest machine too
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        yield journal


def test_median_compares_with_the_runs_that_have_succeeded_alone(journal: Journal) -> None:
    sweep = Sweep(journal, "median")
    for loss in range(1, 6):
        sweep.ended(f"good {loss}", loss)
    for at in range(4):
        sweep.ended(f"stopped {at}", 9, state=State.CANCELED, cause=Cause.STOPPED_EARLY)
    sweep.running("bad", 4)
    sweep.running("worse", 8)
    sweep.look()
    assert sweep.reason("bad") == {"rule": "median", "step": 1.0, "value": 4.0, "threshold": 3.0}
    assert sweep.asked == 2
    sweep.look()
    assert sweep.asked == 2  # each is stopped once


def test_a_sweep_of_which_not_all_curves_are_read_is_looked_at_again_soon(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(journal, "asha:eta=2,min=1")
    for at in range(3):
        sweep.ended(f"worse {at}", 9)
    sweep.running("good", 5)
    sweep.running("best", 1)
    monkeypatch.setattr(stop_watch, "_BUDGET", -1.0)
    sweep.look()
    assert sweep.reason("good") is None
    wait = sweep.watch.wait_seconds()
    assert wait is not None
    assert wait < LOOK_SECONDS
    monkeypatch.setattr(stop_watch, "_BUDGET", 600.0)
    sweep.look()
    assert sweep.reason("good") is None  # the second of five


def test_a_run_is_not_compared_with_itself(journal: Journal) -> None:
    sweep = Sweep(journal, "asha:eta=2,min=1")
    sweep.running("second", 2)
    sweep.ended("better", 1)
    sweep.ended("worse", 3)
    sweep.look()
    assert sweep.reason("second") == {"rule": "asha:eta=2,min=1", "step": 1, "value": 2.0, "threshold": 1.0}


def test_a_run_that_reports_nothing_more_is_stopped_once_another_reaches_the_target(journal: Journal) -> None:
    sweep = Sweep(journal, "target:0.5")
    sweep.running("silent", 3)
    sweep.kit.job("waits", group="lm")
    sweep.look()
    assert sweep.reason("silent") is None
    sweep.ended("there", 0.4)
    sweep.look()
    assert sweep.reason("silent") == {"rule": "target:0.5", "step": 1.0, "value": 3.0, "threshold": 0.5}
    waits = sweep.kit.get("waits")
    assert (waits.state, waits.cause) == (State.CANCELED, Cause.STOPPED_EARLY.value)
    with journal.read() as tx:
        study = studies.of_group(tx, targets.group(tx, "lm").group_id)
    assert study is not None
    assert study.ended == "target reached"


def test_a_verdict_that_a_full_disk_kept_out_is_given_at_the_next_look(
    journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweep = Sweep(journal, "asha:eta=2,min=1")
    sweep.running("bad", 2)
    sweep.ended("better", 1)

    def refused(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "write", refused)
        with pytest.raises(sqlite3.OperationalError):
            sweep.look()
    assert sweep.reason("bad") is None
    sweep.look()
    assert sweep.reason("bad") is not None
    assert sweep.asked == 1


@pytest.mark.parametrize("is_late", [False, True])
def test_a_run_that_a_person_cancels_gets_no_verdict(
    journal: Journal, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    sweep = Sweep(journal, "patience:1")
    sweep.running("bad", 1, 2)
    decide = stop_rules.decide

    def cancel() -> None:
        with journal.write() as tx:
            tx.run("jobs.ask_to_cancel", job_id="bad", now=clock.now())

    def cancel_and_decide(*words: Any) -> Any:
        cancel()
        return decide(*words)

    if is_late:
        monkeypatch.setattr(stop_rules, "decide", cancel_and_decide)
    else:
        cancel()
    sweep.look()
    assert (sweep.reason("bad"), sweep.asked, sweep.said) == (None, 0, [])


def test_without_a_rule_it_sleeps_until_another_process_writes(journal: Journal) -> None:
    sweep = Sweep(journal, "patience:1")
    sweep.running("bad", 1, 2)
    with journal.write() as tx:
        tx.run("sweeps.set_stop", group_id="lm", stop=stop_rules.NO_RULE)
    sweep.look()
    assert sweep.watch.wait_seconds() is None
    with open_journal(journal.workspace) as other, other.write() as tx:
        tx.run("sweeps.set_stop", group_id="lm", stop=stop_rules.to_json(stop_rules.parse("patience:1")))
    assert sweep.watch.wait_seconds() is not None
    sweep.look()
    assert sweep.reason("bad") is not None
