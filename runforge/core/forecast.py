"""When runs will start and end: the queue run forward, again and again, over what runs like these took. Pure.

A run is taken to succeed. How long it takes is drawn from what runs like it took; where chance decides nothing, once is
enough. Times are seconds from now.
"""

from __future__ import annotations

import math
from _random import Random  # `random` imports hashes, which takes as long as a short command

from runforge.core.course import Course
from runforge.core.durations import HALF, NEARLY_ALL, Work, quantile
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from runforge.core.course import Lane, Runner, Times, Waiter
    from runforge.core.scheduling import Capacity

#: A longer queue is only divided by the slots.
MOST_RUNS = 2000
#: The queue is run forward so often, each time with other durations of those that are known: more often if it is short.
_ROUNDS = range(5, 42)
_STEPS = 4000


class Expected(NamedTuple):
    """When something starts and ends in half of the cases, and in nearly all. Infinite is unknown."""

    start: float
    start_late: float
    end: float
    end_late: float


class Situation(NamedTuple):
    """The queue as it is now."""

    waiters: Sequence[tuple[Waiter, Work]]
    runners: Sequence[tuple[Runner, Work]]
    lanes: Sequence[Lane]
    capacity: Capacity


def expected(
    now: Situation, sets: Mapping[str, Sequence[str]], wanted: Collection[str] | None = None
) -> dict[str, Expected]:
    """Return when each run, and each set of runs, starts and ends; what can never start is not among them.

    If only some runs are wanted, those behind them are not waited for; the sets have no others then.
    """
    works = {waiter.job_id: work for waiter, work in now.waiters}
    works.update((runner.job_id, work) for runner, work in now.runners)
    course = Course(
        [waiter for waiter, _ in now.waiters], [runner for runner, _ in now.runners], now.lanes, now.capacity
    )
    members = _members(course, sets, wanted)
    until = None if wanted is None else {number for each in members.values() for number in each}
    dice, count = Random(0), _rounds(works.values())  # the same queue gives the same answer
    draws = [works[job_id].drawn(dice, count) for job_id in course.runs]
    rounds = [course.run(seconds, until) for seconds in zip(*draws, strict=True)]
    found = {name: _of_rounds(rounds, numbers) for name, numbers in members.items()}
    return {name: times for name, times in found.items() if times is not None}


def _members(
    course: Course, sets: Mapping[str, Sequence[str]], wanted: Collection[str] | None
) -> dict[str, list[int]]:
    """Return the numbers of each run that is wanted, and of each set."""
    numbers = {job_id: number for number, job_id in enumerate(course.runs)}
    found = {name: [numbers[job_id] for job_id in members] for name, members in sets.items() if members}
    found.update((job_id, [numbers[job_id]]) for job_id in (numbers if wanted is None else wanted))
    return found


def _rounds(works: Collection[Work]) -> int:
    """Return how often to draw: once if chance decides nothing."""
    if all(work.is_sure for work in works):
        return 1
    return min(_ROUNDS.stop - 1, max(_ROUNDS.start, _STEPS // len(works)))


def _of_rounds(rounds: Iterable[Times], numbers: list[int]) -> Expected | None:
    """Return when all of these runs have started and ended; None if one of them never does."""
    starts, ends = [], []
    for times in rounds:
        begun = [start for number in numbers if (start := times.starts[number]) is not None]
        if len(begun) == len(numbers):
            starts.append(min(begun))
            ends.append(max(end for number in numbers if (end := times.ends[number]) is not None))
    if not starts:
        return None
    starts.sort()
    ends.sort()
    values = (quantile(each, share) for each in (starts, ends) for share in (HALF, NEARLY_ALL))
    return Expected(*(math.inf if value is None or math.isnan(value) else value for value in values))


def divided(works: Iterable[tuple[Work, int]], slots: int, share: float) -> float:
    """Return about when a queue is done that is too long to be run forward: its work, over the slots.

    Of each kind of work there is a number of runs.
    """
    total = 0.0
    for work, count in works:
        left = work.left(share)
        if left is None:
            return math.inf
        total += left * count
    return total / max(1, slots)
