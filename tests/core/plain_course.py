"""A queue run forward the plain way: all lanes are looked at for each start. What `core.course` is compared with."""

from __future__ import annotations

import heapq
import itertools
from collections import defaultdict
from collections.abc import Mapping, Sequence

from runforge.core.course import Lane, Runner, Waiter
from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity, Head, choose, counted_cpus, place


class PlainCourse:
    """One queue, run forward once."""

    def __init__(
        self,
        waiters: Sequence[Waiter],
        runners: Sequence[Runner],
        lanes: Sequence[Lane],
        capacity: Capacity,
        seconds: Mapping[str, float],
    ) -> None:
        #: When each run starts and ends; who can never start is not among them.
        self.found: dict[str, tuple[float, float]] = {}
        self._seconds = seconds
        self._lanes = {lane.lane_id: lane for lane in lanes}
        self._served = {lane.lane_id: lane.served for lane in lanes}
        self._turns = max(self._served.values(), default=0)
        self._going: dict[int, int] = defaultdict(int)
        self._free = capacity
        self._ready: dict[tuple[int, Resources], list[tuple[int, float, int, Waiter]]] = defaultdict(list)
        self._events: list[tuple[float, int, Waiter | Runner]] = []
        self._order = itertools.count()
        self._left_of_group: dict[str, int] = defaultdict(int)
        self._blocked: dict[str, list[str]] = defaultdict(list)
        self._parents = {waiter.job_id: len(waiter.parents) for waiter in waiters}
        self._waiters = {waiter.job_id: waiter for waiter in waiters}
        for run in (*runners, *waiters):
            self._count(run.lane_id, 1)
        for runner in runners:
            self._going[runner.lane_id] += 1
            self._note(seconds[runner.job_id], runner)
        for waiter in waiters:
            for parent in waiter.parents:
                self._blocked[parent].append(waiter.job_id)
            if not waiter.parents:
                self._admit(waiter, 0.0)
        self._run()

    def _count(self, lane_id: int, change: int) -> None:
        lane = self._lanes.get(lane_id)
        if lane is not None and lane.group_id is not None:
            self._left_of_group[lane.group_id] += change

    def _note(self, time: float, what: Waiter | Runner) -> None:
        heapq.heappush(self._events, (time, next(self._order), what))

    def _admit(self, waiter: Waiter, now: float) -> None:
        if waiter.not_before > now:
            self._note(waiter.not_before, waiter)
            return
        turn = (-waiter.priority, waiter.place, waiter.seq, waiter)
        heapq.heappush(self._ready[waiter.lane_id, waiter.needs], turn)

    def _run(self) -> None:
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
        self._change(runner, 1)
        start = self.found[runner.job_id][0] if runner.job_id in self.found else 0.0
        self.found[runner.job_id] = start, now
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
            granted = place(head.needs, self._free) or ()
            devices = tuple(device.uuid for device in granted if device is not None)
            runner = Runner(waiter.job_id, waiter.lane_id, waiter.needs, devices)
            self._change(runner, -1)
            self._going[head.lane_id] += 1
            self._turns += 2
            self._served[head.lane_id] = self._turns
            end = now + self._seconds[waiter.job_id]
            self.found[waiter.job_id] = now, end
            self._note(end, runner)

    def _heads(self) -> list[Head]:
        best: dict[Resources, tuple[int, int]] = {}
        for (lane_id, needs), ready in self._ready.items():
            lane = self._lanes.get(lane_id)
            is_open = lane is None or lane.run_limit is None or self._going[lane_id] < lane.run_limit
            turn = (self._served.get(lane_id, 0), lane_id)
            if ready and is_open and (needs not in best or turn < best[needs]):
                best[needs] = turn
        return [self._head(lane_id, needs, served) for needs, (served, lane_id) in best.items()]

    def _head(self, lane_id: int, needs: Resources, served: int) -> Head:
        waiter = self._ready[lane_id, needs][0][3]
        return Head(lane_id, served, needs, waiter.job_id, waiter.priority, waiter.place, waiter.seq)

    def _change(self, runner: Runner, sign: int) -> None:
        needs, free = runner.needs, self._free
        devices = free.devices
        if devices is not None:
            devices = tuple(
                each._replace(in_use=max(0, each.in_use - sign)) if each.uuid in runner.devices else each
                for each in devices
            )
        self._free = free._replace(
            slots=free.slots + sign,
            gpu_slots=free.gpu_slots + sign * needs.gpus,
            devices=devices,
            cpus=None if free.cpus is None else free.cpus + sign * counted_cpus(needs),
            mem_mb=None if free.mem_mb is None else free.mem_mb + sign * needs.mem_mb,
        )
