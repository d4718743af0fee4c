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
from runforge.core import forecast
from runforge.core.course import Course
from runforge.core.scheduling import Capacity
from runforge.core.states import State
from runforge.daemon.claims import Claims
from runforge.machine.gpus import Gpus
from runforge.store.opening import open_journal
from runforge.store.transaction import Transaction
from runforge.views import estimates
from runforge.views.estimate import Outlook
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit, on, on_group

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

    def outlook(self, *asked: str) -> Outlook:
        """Return the estimates of now; if some runs are asked about, only theirs."""
        free, jobs = SLOTS - len(self._going), [self.kit.get(name) for name in asked]
        with self.kit.journal.read() as tx:
            here = self.kit.journal.workspace
            return estimates.outlook(tx, here, Capacity(free, 0), SLOTS, jobs, () if asked else None)

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


def made_up(world: World, seed: int) -> list[str]:
    """Queue runs of every kind, some of which have ended or go on; return those that are left."""
    dice, kit = Random(seed), world.kit
    groups = ["a", "b", "c"]
    for group in groups:
        kit.group(group, run_limit=dice.choice([None, 1, 3]))
        world.put(group, dice.randrange(1, 6), dice.choice([60.0, 600.0]))
    world.go(ends=dice.randrange(12))
    left: list[str] = []
    for number in range(25):
        group = dice.choice([*groups, None])
        parents = [on(dice.choice(left))] if left and dice.random() < 0.2 else []
        held, priority = int(dice.random() < 0.1), dice.choice([0, 0, 3])
        kit.job(f"x{number}", *parents, group=group, priority=priority, held=held)
        left.append(f"x{number}")
    for group in groups:
        kit.job(f"after {group}", on_group(group, "any"), on(dice.choice(left)))
    left += [f"after {group}" for group in groups]
    if dice.random() < 0.5:
        with kit.journal.write() as tx:
            tx.run("groups.set_paused", group_id=dice.choice(groups), is_paused=1, now=clock.now())
    return left


@pytest.mark.parametrize("longest", [2000, 3])
@pytest.mark.parametrize("seed", range(4))
def test_who_is_asked_about_alone_gets_the_same_answer(
    world: World, monkeypatch: pytest.MonkeyPatch, seed: int, longest: int
) -> None:
    """Also in a queue that is too long to be run forward."""
    left = made_up(world, seed)
    at = clock._milliseconds(clock.now())
    monkeypatch.setattr(clock, "_now", lambda: at)  # the time stands still
    monkeypatch.setattr(forecast, "MOST_RUNS", longest)
    with world.kit.journal.read() as tx:
        parents = {name: [row["parent"] for row in tx.rows("estimates.edges", job_id=name)] for name in left}
        running = [row["job_id"] for row in tx.rows("jobs.running")]
    all_asked = [world.kit.get(name) for name in left]
    with world.kit.journal.read() as tx:
        free = Capacity(SLOTS - len(running), 0)
        whole = estimates.outlook(tx, world.kit.journal.workspace, free, SLOTS, all_asked)
    for name in left:
        alone = world.outlook(name)
        for other in (*parents[name], *running):
            assert longest == 3 or alone.runs.get(other) == whole.runs.get(other)
            assert alone.groups.get(other) == whole.groups.get(other) or other not in whole.groups
        assert alone.runs.get(name) == whole.runs.get(name)
    for group in whole.groups:
        with world.kit.journal.read() as tx:
            alone = estimates.outlook(tx, world.kit.journal.workspace, free, SLOTS, (), [group])
        assert alone.groups == {group: whole.groups[group]}
    assert whole.groups


def test_what_is_read_of_a_very_long_queue_does_not_grow_with_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.kit.group("g")
    world.put("g", 5, 60.0)
    world.go()
    monkeypatch.setattr(forecast, "MOST_RUNS", 10)
    read: list[int] = []
    rows = Transaction.rows

    def counted(self: Transaction, name: str, /, **values: object) -> list[object]:
        found = rows(self, name, **values)
        read.append(len(found))
        return found

    monkeypatch.setattr(Transaction, "rows", counted)
    monkeypatch.setattr(Course, "run", None)  # never
    counts = []
    for count in (20, 200):
        world.put("g", count, 60.0, first=1000 * count)
        read.clear()
        assert world.outlook(f"g{1000 * count}").runs[f"g{1000 * count}"].runs == 5
        counts.append(sum(read))
    assert counts[0] == counts[1] < 10
    read.clear()
    assert world.outlook().queue.ends_at is not None
    assert sum(read) < 20, "alike runs are counted by the journal"
