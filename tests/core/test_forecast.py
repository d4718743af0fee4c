"""How long runs go on, and the queue run forward: small cases with one right answer."""

from __future__ import annotations

import math
from typing import Any

import pytest

from runforge.core import durations, forecast
from runforge.core.course import Course, Lane, Runner, Waiter
from runforge.core.durations import Spread, Work, spread
from runforge.core.forecast import Situation
from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity

ONE = Resources()
GPU = Resources(gpus=1)


def waiter(job_id: str, lane: int = 1, needs: Resources = ONE, **more: Any) -> Waiter:
    return Waiter(job_id, lane, needs, seq=int(job_id[1:]), **more)


def starts(
    waiting: list[Waiter], lanes: list[Lane], capacity: Capacity, going: dict[Runner, float] | None = None
) -> dict[str, float]:
    """Return when each run starts, if each of the waiting ones takes ten seconds."""
    course = Course(waiting, going or (), lanes, capacity)
    times = course.run([*[10.0] * len(waiting), *(going or {}).values()])
    found = zip(course.runs, times.starts, strict=True)
    return {job_id: start for job_id, start in found if start is not None}


def test_lanes_take_turns_and_a_lane_keeps_its_order() -> None:
    waiting = [waiter("a1"), waiter("a2"), waiter("b3", 2), waiter("b4", 2, priority=5)]
    found = starts(waiting, [Lane(1, 0), Lane(2, 0)], Capacity(1, 0))
    assert found == {"a1": 0, "b4": 10, "a2": 20, "b3": 30}


def test_a_run_starts_when_what_it_needs_is_given_back() -> None:
    going = {Runner("r1", 1, GPU): 30.0, Runner("r2", 1, ONE): 5.0}
    found = starts([waiter("a3", needs=GPU), waiter("a4")], [Lane(1, 0)], Capacity(1, 0), going)
    assert (found["a3"], found["a4"]) == (30, 0)


def test_a_group_s_limit_holds() -> None:
    waiting = [waiter(f"a{number}") for number in range(4)]
    found = starts(waiting, [Lane(1, 0, 2)], Capacity(4, 0))
    assert sorted(found.values()) == [0, 0, 10, 10]


def test_runs_wait_for_runs_for_groups_and_for_times() -> None:
    waiting = [
        waiter("a1", parents=("g",)),
        waiter("a2", not_before=70.0),
        waiter("b3", 2),
        waiter("b4", 2, parents=("b3",)),
        waiter("a5", parents=("gone",)),
    ]
    found = starts(waiting, [Lane(1, 0), Lane(2, 0, None, "g")], Capacity(4, 0))
    assert found == {"b3": 0, "b4": 10, "a1": 20, "a2": 70}


def test_what_is_unknown_makes_unknown_only_what_comes_behind_it() -> None:
    work = Work(spread([10.0], "group"))
    waiting = [(waiter("a1"), Work()), (waiter("a2"), work), (waiter("a3"), work)]
    found = forecast.expected(Situation(waiting, [], [Lane(1, 0)], Capacity(2, 0)), {"all": ["a1", "a3"]})
    assert math.isinf(found["a1"].end)
    assert found["a3"].end == 20
    assert math.isinf(found["all"].end)
    alone = forecast.expected(Situation(waiting, [], [Lane(1, 0)], Capacity(1, 0)), {})
    assert math.isinf(alone["a2"].start)


def test_at_the_latest_is_later_than_about() -> None:
    like = Work(spread([10.0, 20.0, 30.0, 40.0, 90.0], "recipe"))
    waiting = [(waiter(f"a{number}"), like) for number in range(20)]
    found = forecast.expected(
        Situation(waiting, [], [Lane(1, 0)], Capacity(1, 0)), {"all": [f"a{n}" for n in range(20)]}
    )
    assert 20 * 25 < found["all"].end < found["all"].end_late < 20 * 60


def test_a_long_queue_is_divided() -> None:
    work = Work(spread([10.0], "group"))
    assert forecast.divided([(work, 4000), (work, 1000)], 4, 0.5) == 12_500
    assert math.isinf(forecast.divided([(work, 1), (Work(), 1)], 4, 0.5))


def test_a_run_that_has_gone_on_is_compared_with_those_that_took_longer() -> None:
    like = spread([10.0, 20.0, 60.0, 80.0], "recipe")
    assert Work(like).left(0.5) == 40
    assert Work(like, 30.0).left(0.5) == 40
    assert Work(like, 90.0).left(0.5) == 0
    assert Work(Spread(), 5.0).left(0.5) is None
    assert Work(like, 30.0, told=7.0).left(0.5) == 7


@pytest.mark.parametrize(
    ("done", "elapsed", "silent", "pace", "expected"),
    [
        (0.25, 100.0, 0.0, 1.0, 300.0),
        (0.25, 100.0, 0.0, 2.0, 150.0),
        (0.5, 130.0, 30.0, 1.0, 70.0),
        (1.0, 100.0, 0.0, 1.0, 0.0),
        (0.0, 100.0, 0.0, 1.0, None),
        (0.9, 100.0, 90.0, 1.0, 0.0),
    ],
)
def test_what_is_left_by_its_own_progress(
    done: float, elapsed: float, silent: float, pace: float, expected: float | None
) -> None:
    assert durations.by_progress(done, elapsed, silent, pace) == expected


def test_the_pace_is_that_of_the_last_quarter() -> None:
    steady = [(float(second), float(second)) for second in range(0, 101, 5)]
    assert durations.pace(steady, 100.0) == pytest.approx(1)
    late = [(50.0, 10.0), (75.0, 20.0), (100.0, 60.0)]
    assert durations.pace(late, 100.0) == pytest.approx((40 / 25) / (60 / 100))
    assert durations.pace([], 100.0) == durations.pace([(90.0, 3.0)], 100.0) == 1.0
