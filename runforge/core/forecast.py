"""When runs will start and end: the scheduler's own choice, run forward over what runs like these took. Pure.

A run is taken to succeed. How long it takes is drawn from what runs like it took, again and again. Times are seconds
from now.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections import defaultdict
from random import Random

from runforge.core.durations import HALF, NEARLY_ALL, Work, quantile
from runforge.core.scheduling import Capacity, Head, choose, counted_cpus, place
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from runforge.core.resources import Resources

#: A longer queue is only divided by the slots.
MOST_RUNS = 2000
#: The queue is run forward so often, each time with other durations of those that are known: more often if it is short.
_ROUNDS = range(5, 42)
_STEPS = 8000


class Waiter(NamedTuple):
    """A run that waits, and how long it will take."""

    job_id: str
    lane_id: int
    needs: Resources
    seconds: float = math.inf
    priority: int = 0
    place: float = 0.0
    seq: int = 0
    #: It does not start sooner.
    not_before: float = 0.0
    #: Runs and groups that must end first.
    parents: tuple[str, ...] = ()


class Runner(NamedTuple):
    """A run that goes on, and how much longer."""

    job_id: str
    lane_id: int
    needs: Resources
    left: float = math.inf
    #: UUIDs of its devices.
    devices: tuple[str, ...] = ()


class Lane(NamedTuple):
    """The lane of a group."""

    lane_id: int
    served: int
    run_limit: int | None = None
    group_id: str | None = None


class Times(NamedTuple):
    """When a run starts and ends."""

    start: float
    end: float


def forward(
    waiters: Iterable[Waiter], runners: Iterable[Runner], lanes: Iterable[Lane], capacity: Capacity
) -> dict[str, Times]:
    """Return when each run starts and ends; one that can never start is not among them."""
    queue = _Queue(waiters, runners, lanes, capacity)
    queue.run()
    return queue.found


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


def expected(now: Situation, sets: Mapping[str, Sequence[str]]) -> dict[str, Expected]:
    """Return when each run, and each set of runs, starts and ends; what can never start is not among them."""
    starts: dict[str, list[float]] = defaultdict(list)
    ends: dict[str, list[float]] = defaultdict(list)
    dice = Random(0)  # noqa: S311 - the same queue gives the same answer
    many = len(now.waiters) + len(now.runners)
    for _ in range(min(_ROUNDS.stop - 1, max(_ROUNDS.start, _STEPS // max(1, many)))):
        found = forward(
            [waiter._replace(seconds=work.drawn(dice)) for waiter, work in now.waiters],
            [runner._replace(left=work.drawn(dice)) for runner, work in now.runners],
            now.lanes,
            now.capacity,
        )
        for job_id, (start, end) in found.items():
            starts[job_id].append(start)
            ends[job_id].append(end)
        for name, members in sets.items():
            if members and all(job_id in found for job_id in members):
                starts[name].append(min(found[job_id].start for job_id in members))
                ends[name].append(max(found[job_id].end for job_id in members))
    return {name: _of_rounds(starts[name], ends[name]) for name in starts}


def _of_rounds(starts: list[float], ends: list[float]) -> Expected:
    starts.sort()
    ends.sort()
    values = (quantile(each, share) for each in (starts, ends) for share in (HALF, NEARLY_ALL))
    return Expected(*(math.inf if value is None or math.isnan(value) else value for value in values))


def divided(now: Situation, slots: int, share: float) -> float:
    """Return about when a queue is done that is too long to be run forward: its work, over the slots."""
    works = [work.left(share) for _, work in (*now.waiters, *now.runners)]
    if None in works:
        return math.inf
    return sum(work for work in works if work is not None) / max(1, slots)


class _Queue:
    """The state of the queue while it is run forward."""

    def __init__(
        self,
        waiters: Iterable[Waiter],
        runners: Iterable[Runner],
        lanes: Iterable[Lane],
        capacity: Capacity,
    ) -> None:
        self.found: dict[str, Times] = {}
        self._lanes = {lane.lane_id: lane for lane in lanes}
        self._served = {lane.lane_id: lane.served for lane in self._lanes.values()}
        self._turns = max(self._served.values(), default=0)
        self._going: dict[int, int] = defaultdict(int)
        self._free = capacity
        #: lane and need -> its runs that may start, the next one first.
        self._ready: dict[tuple[int, Resources], list[tuple[int, float, int, Waiter]]] = defaultdict(list)
        self._events: list[tuple[float, int, Waiter | Runner]] = []
        self._order = itertools.count()
        self._left_of_group: dict[str, int] = defaultdict(int)
        self._blocked: dict[str, list[str]] = defaultdict(list)
        self._parents: dict[str, int] = {}
        self._waiters: dict[str, Waiter] = {}
        for runner in runners:
            self._going[runner.lane_id] += 1
            self._count(runner.lane_id, 1)
            self._note(runner.left, runner)
        self._take_in(list(waiters))

    def _take_in(self, waiters: list[Waiter]) -> None:
        for waiter in waiters:
            self._count(waiter.lane_id, 1)
            self._waiters[waiter.job_id] = waiter
            self._parents[waiter.job_id] = len(waiter.parents)
            for parent in waiter.parents:
                self._blocked[parent].append(waiter.job_id)
            if not waiter.parents:
                self._admit(waiter, 0.0)

    def _count(self, lane_id: int, change: int) -> None:
        lane = self._lanes.get(lane_id)
        if lane is not None and lane.group_id is not None:
            self._left_of_group[lane.group_id] += change

    def _note(self, time: float, what: Waiter | Runner) -> None:
        heapq.heappush(self._events, (time, next(self._order), what))

    def _admit(self, waiter: Waiter, now: float) -> None:
        """Let a run start as soon as it may."""
        if waiter.not_before > now:
            self._note(waiter.not_before, waiter)
            return
        turn = (-waiter.priority, waiter.place, waiter.seq, waiter)
        heapq.heappush(self._ready[waiter.lane_id, waiter.needs], turn)

    def run(self) -> None:
        """Let all that can end come to its end."""
        self._start_all(0.0)
        while self._events:
            now = self._events[0][0]
            while self._events and self._events[0][0] <= now:
                what = heapq.heappop(self._events)[2]
                if isinstance(what, Runner):
                    self._end(what, now)
                else:
                    self._admit(what._replace(not_before=0.0), now)
            self._start_all(now)

    def _end(self, runner: Runner, now: float) -> None:
        self._going[runner.lane_id] -= 1
        self._free = given_back(self._free, runner)
        start = self.found[runner.job_id].start if runner.job_id in self.found else 0.0
        self.found[runner.job_id] = Times(start, now)
        self._count(runner.lane_id, -1)
        self._meet(runner.job_id, now)
        lane = self._lanes.get(runner.lane_id)
        if lane is not None and lane.group_id is not None and not self._left_of_group[lane.group_id]:
            self._meet(lane.group_id, now)

    def _meet(self, parent: str, now: float) -> None:
        for job_id in self._blocked.pop(parent, ()):
            self._parents[job_id] -= 1
            if not self._parents[job_id]:
                self._admit(self._waiters[job_id], now)

    def _start_all(self, now: float) -> None:
        while self._free.slots > 0 and (head := choose(self._heads(), self._free)) is not None:
            waiter = heapq.heappop(self._ready[head.lane_id, head.needs])[3]
            devices = tuple(
                device.uuid for device in place(head.needs, self._free) or () if device is not None
            )
            runner = Runner(waiter.job_id, waiter.lane_id, waiter.needs, waiter.seconds, devices)
            self._free = taken(self._free, runner)
            self._going[head.lane_id] += 1
            self._turns += 2
            self._served[head.lane_id] = self._turns
            self.found[waiter.job_id] = Times(now, now + waiter.seconds)
            self._note(now + waiter.seconds, runner)

    def _heads(self) -> list[Head]:
        """Return the next run of each need, of the lane whose turn it is: as the journal gives them."""
        best: dict[Resources, tuple[int, int]] = {}
        for (lane_id, needs), ready in self._ready.items():
            if ready and self._is_open(lane_id):
                turn = (self._served.get(lane_id, 0), lane_id)
                if needs not in best or turn < best[needs]:
                    best[needs] = turn
        return [self._head(lane_id, needs, served) for needs, (served, lane_id) in best.items()]

    def _head(self, lane_id: int, needs: Resources, served: int) -> Head:
        waiter = self._ready[lane_id, needs][0][3]
        return Head(lane_id, served, needs, waiter.job_id, waiter.priority, waiter.place, waiter.seq)

    def _is_open(self, lane_id: int) -> bool:
        lane = self._lanes.get(lane_id)
        return lane is None or lane.run_limit is None or self._going[lane_id] < lane.run_limit


# --- what is free ----------------------------------------------------------------------------------


def taken(capacity: Capacity, runner: Runner) -> Capacity:
    """Return what is left when a run has started."""
    return _changed(capacity, runner, -1)


def given_back(capacity: Capacity, runner: Runner) -> Capacity:
    """Return what is free when a run has ended."""
    return _changed(capacity, runner, 1)


def _changed(capacity: Capacity, runner: Runner, sign: int) -> Capacity:
    needs = runner.needs
    devices = capacity.devices
    if devices is not None and runner.devices:
        devices = tuple(
            device._replace(in_use=max(0, device.in_use - sign)) if device.uuid in runner.devices else device
            for device in devices
        )
    return capacity._replace(
        slots=capacity.slots + sign,
        gpu_slots=capacity.gpu_slots + sign * needs.gpus,
        devices=devices,
        cpus=None if capacity.cpus is None else capacity.cpus + sign * counted_cpus(needs),
        mem_mb=None if capacity.mem_mb is None else capacity.mem_mb + sign * needs.mem_mb,
    )
