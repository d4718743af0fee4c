"""A queue run forward by the scheduler's own choice, with one set of durations after the other. Pure.

What does not depend on durations is prepared once. A start or an end is then a few look-ups, however many runs and
lanes there are. Runs have numbers: the waiting ones in the order in which the scheduler takes them inside a lane, then the
running ones.
"""

from __future__ import annotations

from _heapq import heapify, heappop, heappush, heapreplace  # `heapq` looks for it, and has it a second time
from math import inf

from runforge.core.room import Room
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from runforge.core.resources import Resources
    from runforge.core.room import Grant
    from runforge.core.scheduling import Capacity


class Waiter(NamedTuple):
    """A run that waits."""

    job_id: str
    lane_id: int
    needs: Resources
    priority: int = 0
    place: float = 0.0
    seq: int = 0
    #: It does not start sooner, in seconds from now.
    not_before: float = 0.0
    #: Runs and groups that must end first.
    parents: tuple[str, ...] = ()


class Runner(NamedTuple):
    """A run that goes on."""

    job_id: str
    lane_id: int
    needs: Resources
    #: UUIDs of its devices.
    devices: tuple[str, ...] = ()


class Lane(NamedTuple):
    """The lane of a group."""

    lane_id: int
    served: int
    run_limit: int | None = None
    group_id: str | None = None


class Times(NamedTuple):
    """When each run starts and ends, by its number; None if it never starts, or later than was asked for."""

    starts: list[float | None]
    ends: list[float | None]


class Course:
    """A queue as it is now."""

    def __init__(
        self, waiters: Iterable[Waiter], runners: Iterable[Runner], lanes: Iterable[Lane], capacity: Capacity
    ) -> None:
        self._waiters = sorted(waiters, key=lambda each: (-each.priority, each.place, each.seq))
        self._runners = list(runners)
        runs: list[Waiter | Runner] = [*self._waiters, *self._runners]
        #: Their ids, in the order of their numbers.
        self.runs = [run.job_id for run in runs]
        self._room = Room(capacity)
        known = {lane.lane_id: lane for lane in lanes}
        used = {run.lane_id for run in runs}
        self._lanes = {each: _Lane(known.get(each, Lane(each, 0))) for each in used}
        #: The queue of each need that there is; and the lane and the line of each run.
        self._queues: dict[Resources, _Queue] = {}
        self._lane_of = [self._lanes[run.lane_id] for run in runs]
        self._line_of = [self._line(waiter) for waiter in self._waiters]
        #: How many others each one waits for, and who waits for each one.
        self._parents = [len(waiter.parents) for waiter in self._waiters]
        self._children: dict[int, list[int]] = {}
        self._find_children()
        self._count()

    def _line(self, waiter: Waiter) -> _Line:
        queue = self._queues.setdefault(waiter.needs, _Queue(waiter.needs))
        lane = self._lanes[waiter.lane_id]
        if (line := lane.lines.get(waiter.needs)) is None:
            line = lane.lines[waiter.needs] = _Line(lane, queue)
        return line

    def _find_children(self) -> None:
        numbers = {job_id: number for number, job_id in enumerate(self.runs)}
        groups = {lane.group_id: lane for lane in self._lanes.values()}
        for number, waiter in enumerate(self._waiters):
            for parent in waiter.parents:
                if parent in numbers:
                    self._children.setdefault(numbers[parent], []).append(number)
                elif parent in groups:
                    groups[parent].children.append(number)

    def _count(self) -> None:
        """Count what each lane has at first, and what is ready at once: without gates."""
        for number, lane in enumerate(self._lane_of):
            lane.left_at_first += 1
            if number >= len(self._waiters):
                lane.going_at_first += 1
        #: Who waits for a time alone.
        self._delayed: list[tuple[float, int]] = []
        for number, waiter in enumerate(self._waiters):
            if not waiter.parents and waiter.not_before > 0:
                self._delayed.append((waiter.not_before, number))
            elif not waiter.parents:
                self._line_of[number].ready_at_first.append(number)

    def run(self, seconds: Sequence[float], wanted: Collection[int] | None = None) -> Times:
        """Return when each run starts and ends if each takes so long; or only of those that are wanted, and some more."""
        self._begin(seconds)
        wanted = None if wanted is None else {number for number in wanted if number < len(self._waiters)}
        self._start_all(0.0)
        events, starts = self._events, self._times.starts
        while events and (wanted is None or any(starts[number] is None for number in wanted)):
            now = events[0][0]
            while events and events[0][0] <= now:
                number = heappop(events)[1]
                if starts[number] is None:
                    self._line_of[number].add(number)
                else:
                    self._end(number, now)
            self._start_all(now)
        return self._times

    def _begin(self, seconds: Sequence[float]) -> None:
        count = len(self._waiters)
        none: list[float | None] = [None] * count
        self._times = Times([*none, *[0.0] * len(self._runners)], [*none, *seconds[count:]])
        self._seconds, self._now = seconds, self._room
        self._events = [*self._delayed, *((seconds[n], n) for n in range(count, len(seconds)))]
        heapify(self._events)
        self._waits_for = self._parents[:]
        self._grants: dict[int, Grant] = {
            count + n: (run.needs, run.devices) for n, run in enumerate(self._runners)
        }
        for queue in self._queues.values():
            queue.lines.clear()
        for lane in self._lanes.values():
            lane.begin()
        self._turns = max((lane.turn for lane in self._lanes.values()), default=0)

    def _admit(self, number: int, now: float) -> None:
        """Let a run start as soon as it may."""
        later = self._waiters[number].not_before
        if later > now:
            heappush(self._events, (later, number))
        else:
            self._line_of[number].add(number)

    def _end(self, number: int, now: float) -> None:
        self._now = self._now.more(self._grants[number])
        lane = self._lane_of[number]
        lane.leave()
        for child in self._children.get(number, ()):
            self._meet(child, now)
        if not lane.left:
            for child in lane.children:
                self._meet(child, now)

    def _meet(self, number: int, now: float) -> None:
        self._waits_for[number] -= 1
        if not self._waits_for[number]:
            self._admit(number, now)

    def _start_all(self, now: float) -> None:
        times, seconds = self._times, self._seconds
        while self._now.slots > 0 and (chosen := self._next()) is not None:
            line, (self._now, grant) = chosen
            number = heappop(line.ready)
            self._grants[number] = grant
            self._turns += 1
            line.lane.enter(self._turns)
            end = now + seconds[number]
            times.starts[number], times.ends[number] = now, end
            heappush(self._events, (end, number))

    def _next(self) -> tuple[_Line, tuple[Room, Grant]] | None:
        """Return whose head starts next, and what is free then: the lane whose turn it is, of all needs that can be met."""
        best, found = None, None
        for queue in self._queues.values():
            if not queue.lines or (after := self._now.less(queue.needs)) is None:
                continue
            if (line := queue.first()) is not None:
                turn = line.lane.turn, line.lane.lane_id, line.ready[0]
                if best is None or turn < best:
                    best, found = turn, (line, after)
        return found


class _Queue:
    """The lines of one need; the lane that was served longest ago comes first."""

    __slots__ = ("lines", "needs")

    def __init__(self, needs: Resources) -> None:
        self.needs = needs
        #: A heap. A line's turn may have changed since it was put there: turns only get later.
        self.lines: list[tuple[int, int, _Line]] = []

    def first(self) -> _Line | None:
        """Return the first line with a run that may start."""
        lines = self.lines
        while lines:
            turn, lane_id, line = lines[0]
            lane = line.lane
            if not line.ready or lane.going >= lane.limit:
                heappop(lines)
                line.is_listed = False
            elif turn != lane.turn:
                heapreplace(lines, (lane.turn, lane_id, line))
            else:
                return line
        return None


class _Line:
    """The runs of one lane that need the same and may start, the next one first."""

    __slots__ = ("is_listed", "lane", "queue", "ready", "ready_at_first")

    def __init__(self, lane: _Lane, queue: _Queue) -> None:
        self.lane, self.queue = lane, queue
        #: Both are heaps of numbers.
        self.ready_at_first: list[int] = []
        self.ready: list[int] = []
        self.is_listed = False

    def begin(self) -> None:
        """Be as it was at first."""
        self.ready, self.is_listed = self.ready_at_first[:], False
        self.list()

    def add(self, number: int) -> None:
        """Let a run take its place."""
        heappush(self.ready, number)
        self.list()

    def list(self) -> None:
        """Take a place among the lines of its queue."""
        if self.ready and not self.is_listed and not self.lane.is_full:
            self.is_listed = True
            heappush(self.queue.lines, (self.lane.turn, self.lane.lane_id, self))


class _Lane:
    """A lane: when it was served last, and how many of its runs go on and are left."""

    __slots__ = (
        *("_served", "children", "going", "going_at_first", "group_id", "lane_id", "left"),
        *("left_at_first", "limit", "lines", "turn"),
    )

    def __init__(self, lane: Lane) -> None:
        self.lane_id, self.group_id, self._served = lane.lane_id, lane.group_id, lane.served
        self.limit = inf if lane.run_limit is None else lane.run_limit
        self.lines: dict[Resources, _Line] = {}
        #: Who waits for all of them.
        self.children: list[int] = []
        self.going_at_first = self.left_at_first = 0
        self.turn = self.going = self.left = 0

    def begin(self) -> None:
        """Be as it was at first."""
        self.turn, self.going, self.left = self._served, self.going_at_first, self.left_at_first
        for line in self.lines.values():
            line.begin()

    @property
    def is_full(self) -> bool:
        """Whether none of its runs can start until one has ended."""
        return self.going >= self.limit

    def enter(self, turn: int) -> None:
        """Count a run that starts."""
        self.going += 1
        self.turn = turn

    def leave(self) -> None:
        """Count a run that has ended."""
        was_full = self.is_full
        self.going -= 1
        self.left -= 1
        if was_full:
            for line in self.lines.values():
                line.list()
