"""Estimates against the truth: what the journal's own scheduler then did, with durations nobody knew before."""

from __future__ import annotations

import heapq
import json
import os
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import median

import pytest

from runforge import clock
from runforge.core.scheduling import Capacity
from runforge.core.states import State
from runforge.daemon.claims import Claims
from runforge.machine.gpus import Gpus
from runforge.store.opening import open_journal
from runforge.views import estimates
from runforge.views.estimate import Outlook
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit, on

SLOTS = 4


class World:
    """A queue whose runs take what they take, by a clock that jumps from end to end."""

    def __init__(self, kit: Kit, file: Path, seed: int = 1) -> None:
        self.kit = kit
        self._file = file
        self._dice = Random(seed)
        self._claims = Claims(0, SLOTS, 0, Gpus())
        self._going: list[tuple[float, str]] = []
        self._usual: dict[str, float] = {}
        self.ends: dict[str, float] = {}
        self.now = 0.0
        self._file.write_text("0")
        self._start = clock.now()

    def put(self, group: str, count: int, usual: float, first: int = 0) -> None:
        """Queue runs of a group that take about so long."""
        for number in range(first, first + count):
            self.kit.job(f"{group}{number}", group=group)
            self._usual[f"{group}{number}"] = usual

    def go(self, ends: int = 10**9) -> None:
        """Let the scheduler work until so many runs have ended, or all."""
        self._claim()
        while self._going and ends:
            self.now, name = heapq.heappop(self._going)
            self._file.write_text(repr(self.now))
            self.kit.end(name, State.SUCCEEDED)
            self.ends[name] = self.now
            ends -= 1
            self._claim()

    def _claim(self) -> None:
        with self.kit.journal.write() as tx:
            claimed = self._claims.claim_all(tx, clock.now())
        for each in claimed:
            seconds = self._usual[each.job.job_id] * self._dice.lognormvariate(0, 0.4)
            heapq.heappush(self._going, (self.now + seconds, each.job.job_id))

    def outlook(self) -> Outlook:
        """Return the estimates of now."""
        free = SLOTS - len(self._going)
        with self.kit.journal.read() as tx:
            return estimates.outlook(tx, self.kit.journal.workspace, Capacity(free, 0), SLOTS)

    def seconds(self, moment: str | None) -> float:
        """Return when that is, on this world's clock."""
        assert moment is not None
        return clock.seconds_between(self._start, moment)


@pytest.fixture
def world(bare_ws: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    file = tmp_path / "clock"
    file.write_text("0")
    monkeypatch.setitem(os.environ, clock.FAKE_CLOCK, str(file))
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        yield World(Kit(journal), file)


def error(estimated: float, true: float, now: float) -> float:
    return abs(estimated - true) / max(1.0, true - now)


def test_with_history_half_of_the_estimates_are_less_than_15_percent_wrong(world: World) -> None:
    for group, usual in (("slow", 900.0), ("quick", 120.0), ("middle", 300.0)):
        world.kit.group(group, run_limit=3 if group == "slow" else None)
        world.put(group, 60, usual)
    world.go(ends=40)
    looks = []
    for _ in range(6):
        looks.append((world.now, world.outlook()))
        world.go(ends=18)
    world.go()
    errors, ends_of_groups, late = [], [], []
    for now, look in looks:
        for name, estimate in look.runs.items():
            errors.append(error(world.seconds(estimate.ends_at), world.ends[name], now))
            late.append(world.seconds(estimate.ends_at_latest) < world.ends[name])
        for group, estimate in look.groups.items():
            true = max(end for name, end in world.ends.items() if name.startswith(group))
            ends_of_groups.append(error(world.seconds(estimate.ends_at), true, now))
    assert len(errors) > 300
    assert median(errors) < 0.15
    assert median(ends_of_groups) < 0.15
    assert sum(late) / len(late) < 0.5, "at the latest is not about"


def test_the_queue_s_end_is_told_and_on_how_many_runs_that_is_based(world: World) -> None:
    world.kit.group("g")
    world.put("g", 30, 100.0)
    world.go(ends=10)
    look = world.outlook()
    world.go()
    assert error(world.seconds(look.queue.ends_at), world.now, 0) < 0.25
    assert (look.groups["g"].basis, look.groups["g"].runs) == ("group", 10)


def test_what_nothing_is_known_of_has_no_estimate_nor_has_what_comes_behind_it(world: World) -> None:
    world.kit.group("new")
    world.kit.group("old")
    world.put("old", 6, 50.0)
    world.go()
    world.put("old", 1, 50.0, first=6)
    world.put("new", SLOTS, 50.0)
    world.put("old", 5, 50.0, first=7)
    look = world.outlook()
    assert look.queue.ends_at is None
    assert look.groups["new"].basis == "unknown"
    assert look.runs["old6"].ends_at is not None


def test_a_run_waits_for_its_parents_and_for_the_time_it_was_told(world: World) -> None:
    world.kit.group("g")
    world.put("g", 8, 100.0)
    world.go()
    world.put("g", 2, 100.0, first=8)
    later = clock.later(clock.now(), 5000.0)
    world.kit.job("child", on("g8"), group="g")
    world.kit.job("tomorrow", group="g", not_before=later, delayed=1)
    look = world.outlook()
    start = look.runs["child"].starts_at
    assert start is not None
    assert start >= (look.runs["g8"].ends_at or "")
    assert look.runs["tomorrow"].starts_at == later


def test_who_is_held_or_paused_waits_for_a_person_and_no_estimate_counts_them(world: World) -> None:
    world.kit.group("g")
    world.put("g", 3, 100.0)
    world.go()
    world.kit.job("held", group="g", held=1)
    world.kit.job("behind", on("held"), group="g")
    look = world.outlook()
    assert look.put_aside == 1
    assert "held" not in look.runs
    assert look.runs["behind"].starts_at is None


def test_a_recipe_counts_more_than_the_group(world: World) -> None:
    world.kit.group("g")
    world.put("g", 4, 100.0)
    world.go()
    world.kit.job("cooked", group="g", recipe="r1")
    assert world.outlook().runs["cooked"].basis == "group"
    world.kit.job("another", recipe="r1")
    world.kit.claim("another")
    world.kit.end("another", State.SUCCEEDED)
    estimate = world.outlook().runs["cooked"]
    assert (estimate.basis, estimate.runs) == ("recipe", 1)


def test_a_running_run_says_itself_how_far_it_is(world: World) -> None:
    world.kit.group("g")
    world.put("g", 1, 1000.0)
    world.kit.claim("g0")
    folder = world.kit.journal.workspace.root / "runs/g0"
    folder.mkdir(parents=True)
    world.kit.journal.workspace.root.joinpath("runs/g0/logs.txt").write_text("Epoch 2/10\n")
    Path(os.environ[clock.FAKE_CLOCK]).write_text("200")
    look = world.outlook()
    estimate = look.runs["g0"]
    assert estimate.basis == "progress"
    assert world.seconds(estimate.ends_at) == pytest.approx(1000, rel=0.15)
    assert json.dumps(estimate.to_json())
