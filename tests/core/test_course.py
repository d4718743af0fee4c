"""The queue run forward quickly gives what the plain way gives, on made-up queues of every kind."""

from __future__ import annotations

import math
from random import Random
from typing import NamedTuple

import pytest

from runforge.core import course as courses
from runforge.core import forecast, room
from runforge.core.course import Course, Lane, Runner, Waiter
from runforge.core.devices import Device
from runforge.core.durations import Work, spread
from runforge.core.forecast import Situation
from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity
from tests.core.plain_course import PlainCourse

SEEDS = range(120)
NEEDS = [
    *(Resources(), Resources(cpus=3), Resources(mem_mb=4000), Resources(gpus=1), Resources(2, 2)),
    *(Resources(gpus=1, vram_mb=9000), Resources(gpus=1, pins="GPU-1,GPU-2"), Resources(gpus=9)),
]


class Queue(NamedTuple):
    """A made-up queue."""

    waiters: list[Waiter]
    runners: list[Runner]
    lanes: list[Lane]
    capacity: Capacity
    seconds: dict[str, float]

    def made(self) -> Course:
        """Return it, ready to be run forward."""
        return Course(self.waiters, self.runners, self.lanes, self.capacity)

    def plain(self) -> dict[str, tuple[float, float]]:
        """Return when each run starts and ends, the plain way."""
        return PlainCourse(*self).found

    def forward(self, course: Course, wanted: list[int] | None = None) -> dict[str, tuple[float, float]]:
        """Return the same, the quick way."""
        times = course.run([self.seconds[job_id] for job_id in course.runs], wanted)
        found = zip(course.runs, times.starts, times.ends, strict=True)
        return {job_id: (start, end) for job_id, start, end in found if start is not None and end is not None}


def made_up(seed: int) -> Queue:
    """Return a queue by chance: lanes with limits, needs, devices, gates, runs that never end."""
    dice = Random(seed)
    lanes = [
        Lane(
            number,
            dice.randrange(40),
            dice.choice([None, None, 1, 2]),
            f"g{number}" if dice.random() < 0.8 else None,
        )
        for number in range(1, dice.choice([2, 4, 12]))
    ]
    needs = dice.sample(NEEDS, dice.choice([1, 1, 2, 5]))
    lane_ids = [lane.lane_id for lane in lanes] + [99] * (dice.random() < 0.2)
    runners = [
        Runner(f"r{number}", dice.choice(lane_ids), dice.choice(needs)) for number in range(dice.randrange(4))
    ]
    waiters = [waiter(dice, number, lane_ids, needs) for number in range(dice.randrange(40))]
    cards = tuple(Device(f"GPU-{number}", 24_000, in_use=dice.randrange(2)) for number in range(4))
    capacity = Capacity(
        dice.randrange(6),
        dice.randrange(5),
        devices=dice.choice([None, cards]),
        cpus=dice.choice([None, 4, 16]),
        mem_mb=dice.choice([None, 8000]),
        is_crowded=dice.random() < 0.3,
    )
    ways = [lambda: dice.uniform(0, 100), lambda: float(dice.randrange(4)), lambda: math.inf]
    way = dice.choice([ways[:1], ways[1:2], ways])
    seconds = {run.job_id: dice.choice(way)() for run in (*waiters, *runners)}
    return Queue(waiters, runners, lanes, capacity, seconds)


def waiter(dice: Random, number: int, lane_ids: list[int], needs: list[Resources]) -> Waiter:
    """Return a run that waits for others now and then: runs, groups, and what is gone."""
    names = [f"w{dice.randrange(40)}", f"r{dice.randrange(4)}", f"g{dice.randrange(1, 12)}", "gone"]
    parents = dice.sample(names[: 3 + (number % 9 == 0)], dice.choice([0, 0, 0, 1, 2]))
    return Waiter(
        f"w{number}",
        dice.choice(lane_ids),
        dice.choice(needs),
        priority=dice.choice([0, 0, 5]),
        place=dice.choice([float(number), 0.5]),
        seq=number,
        not_before=dice.choice([0.0, 0.0, 0.0, dice.uniform(-10, 100)]),
        parents=tuple(parents),
    )


@pytest.mark.parametrize("seed", SEEDS)
def test_it_gives_what_the_plain_way_gives(seed: int) -> None:
    queue = made_up(seed)
    course = queue.made()
    assert queue.forward(course) == queue.plain()
    assert queue.forward(course) == queue.plain(), "it can be run forward again"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_wanted_is_the_same_without_the_rest(seed: int) -> None:
    queue = made_up(seed)
    course, whole = queue.made(), queue.plain()
    for number, job_id in enumerate(course.runs):
        found = queue.forward(course, [number])
        assert found.get(job_id) == whole.get(job_id)
        assert all(whole[other] == times for other, times in found.items())


def test_the_made_up_queues_have_all_that_queues_can_have() -> None:
    """Else the two tests above would say little."""
    queues = [made_up(seed) for seed in SEEDS]
    starts = [start for queue in queues for start, _ in queue.plain().values()]
    assert sum(0 < start < math.inf for start in starts) > 400
    assert sum(math.isinf(start) for start in starts) > 40
    assert sum(len(queue.waiters) + len(queue.runners) - len(queue.plain()) for queue in queues) > 100
    assert (
        sum(bool(each.parents) and each.job_id in queue.plain() for queue in queues for each in queue.waiters)
        > 100
    )


def _situation(queue: Queue, works: dict[str, Work]) -> Situation:
    return Situation(
        [(each, works[each.job_id]) for each in queue.waiters],
        [(each, works[each.job_id]) for each in queue.runners],
        queue.lanes,
        queue.capacity,
    )


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Return what was wanted each time that a queue was run forward."""
    made: list[object] = []
    run = Course.run

    def counted(self: Course, *values: object) -> object:
        made.append(values[1])
        return run(self, *values)  # type: ignore[arg-type]

    monkeypatch.setattr(Course, "run", counted)
    return made


@pytest.mark.parametrize("seed", range(40))
def test_where_chance_decides_nothing_once_is_enough(runs: list[object], seed: int) -> None:
    queue = made_up(seed)
    works = {
        job_id: Work() if math.isinf(each) else Work(spread([each, each], "group"))
        for job_id, each in queue.seconds.items()
    }
    found = forecast.expected(_situation(queue, works), {})
    assert len(runs) == bool(works)
    plain = queue.plain()
    assert found.keys() == plain.keys()
    for job_id, each in found.items():
        assert (each.start, each.start_late, each.end, each.end_late) == (
            plain[job_id][0],
            plain[job_id][0],
            plain[job_id][1],
            plain[job_id][1],
        )


@pytest.mark.parametrize("seed", range(40))
def test_who_is_wanted_alone_has_the_same_times(seed: int) -> None:
    queue, dice = made_up(seed), Random(seed)
    works = {
        job_id: Work(spread([dice.uniform(1, 50) for _ in range(9)], "recipe")) for job_id in queue.seconds
    }
    now = _situation(queue, works)
    groups = {
        str(each.group_id): [w.job_id for w in queue.waiters if w.lane_id == each.lane_id]
        for each in queue.lanes
    }
    whole = forecast.expected(now, groups)
    for job_id in queue.seconds:
        assert forecast.expected(now, {}, [job_id]).get(job_id) == whole.get(job_id)
    for name, members in groups.items():
        assert forecast.expected(now, {name: members}, members).get(name) == whole.get(name)


def test_the_work_of_a_start_does_not_grow_with_the_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted: heads that are looked at, and states of the machine that are worked out."""
    looked: list[int] = []

    def steps(lanes: int) -> tuple[int, int]:
        looked.clear()
        waiters = [Waiter(f"w{n}", n % lanes + 1, Resources(), seq=n) for n in range(400)]
        made = Course(waiters, [], [Lane(n, 0, 2) for n in range(1, lanes + 1)], Capacity(4, 0))
        times = made.run([float(n % 7 + 1) for n in range(400)])
        assert None not in times.ends
        return len(looked), len(made._room._known)

    first = courses._Queue.first

    def counted(self: courses._Queue) -> object:
        looked.append(len(self.lines))
        return first(self)

    monkeypatch.setattr(courses._Queue, "first", counted)
    few, many = steps(4), steps(200)
    assert few[1] == many[1] == 5
    assert many[0] <= few[0] * 1.5 + 10


def test_who_stands_behind_is_not_run_forward(monkeypatch: pytest.MonkeyPatch) -> None:
    placed: list[Resources] = []
    place = room.place

    def counted(needs: Resources, *values: object) -> object:
        placed.append(needs)
        return place(needs, *values)  # type: ignore[arg-type]

    monkeypatch.setattr(room, "place", counted)
    other = Resources(cpus=2)
    waiters = [Waiter(f"w{n}", 1, Resources() if n < 9 else other, seq=n) for n in range(1000)]
    made = Course(waiters, [], [Lane(1, 0)], Capacity(1, 0, cpus=1))
    times = made.run([1.0] * 1000, [5])
    assert [start for start in times.starts if start is not None] == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert len(placed) < 10
