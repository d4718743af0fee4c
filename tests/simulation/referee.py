"""The referee: folds the journal's entries as they come and calls whatever must never stand there.

It has a queue of its own and does not look at the tables, so that it and the scheduler's SQL cannot be
wrong in the same way.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from runforge.core import run_names
from runforge.core.policy import MAX_LOST, MAX_UNSTARTED
from runforge.core.states import TRANSITIONS, State
from tests.simulation.machine import Machine


@dataclass(slots=True)
class Known:
    """A job as the entries describe it."""

    seq: int
    run_id: str
    lane: str | None
    priority: int
    needs_gpu: bool
    state: State = State.QUEUED
    attempt: int = 1
    lost: int = 0
    unstarted: int = 0
    is_canceled: bool = False
    #: Held, blocked or put off: it must not start.
    is_gated: bool = False
    #: Where it stands among those of its lane with its priority.
    place: float = 0.0
    had_started: bool = False
    #: How often another attempt may follow a failure, and after which causes.
    retries: int = 0
    causes: frozenset[str] = frozenset()
    used: int = 0
    #: (parent, condition) -> whether that has held, at any time since.
    edges: dict[tuple[str, str], bool] = field(default_factory=dict)


@dataclass
class Referee:
    """The rules, and what it takes to check them."""

    machine: Machine
    #: The slots of the newest daemon.
    cpu_slots: int = 2
    gpu_slots: int = 1
    jobs: dict[str, Known] = field(default_factory=dict)
    #: Lanes with work, and their queued jobs.
    queued: dict[str | None, set[str]] = field(default_factory=dict)
    running: set[str] = field(default_factory=set)
    paused: set[str | None] = field(default_factory=set)
    #: lane -> how often each other lane was served while it had something to start.
    passed: dict[str | None, Counter[str | None]] = field(default_factory=lambda: defaultdict(Counter))
    events: Counter[str] = field(default_factory=Counter)
    limits: dict[str | None, int] = field(default_factory=dict)
    made: int = 0

    def fold(self, entry: Any) -> list[str]:  # noqa: C901 - one event a branch
        """Take one entry; return what is wrong with it."""
        event, job_id, lane = entry["event"], entry["job_id"], entry["group_id"]
        self.events[event] += 1
        detail = json.loads(entry["detail"])
        if event == "enqueued":
            self._enqueued(job_id, lane, detail)
        elif event == "pruned":
            return self._prune(job_id, detail)
        elif event == "priority_set":
            self.jobs[job_id].priority = detail["priority"]
        elif event == "moved":
            self.jobs[job_id].place = detail["position"]
        elif event == "gates_set":
            self.jobs[job_id].is_gated = any(detail[gate] for gate in ("held", "blockers", "delayed"))
        elif event == "waits_for":
            edge = detail["parent"], detail["condition"]
            self.jobs[job_id].edges[edge] = self.holds(*edge) is True
        elif event == "waits_no_more":
            del self.jobs[job_id].edges[detail["parent"], detail["condition"]]
        elif event == "cancel_requested":
            self.jobs[job_id].is_canceled = True
        elif event in {"group_paused", "group_resumed"}:
            (self.paused.add if event == "group_paused" else self.paused.discard)(lane)
        elif event == "group_limited":
            self.limits[lane] = detail["run_limit"] or 99
        elif entry["to_state"] is not None:
            return self._move(job_id, self.jobs[job_id], entry, detail)
        return []

    def _enqueued(self, job_id: str, lane: str | None, detail: dict[str, Any]) -> None:
        self.made += 1
        job = Known(self.made, detail["run_id"], lane, detail["priority"], bool(detail["requires_gpu"]))
        job.place = self.made
        for rule in detail["retry_rules"]:
            job.retries, job.causes = rule["times"], frozenset(rule["causes"])
        self.jobs[job_id] = job
        self.queued.setdefault(lane, set()).add(job_id)

    def _prune(self, job_id: str | None, detail: dict[str, Any]) -> list[str]:
        """Forget one job, whose run was queued anew, or those with these names."""
        names = set(run_names.unpacked(detail.get("runs", ())))
        gone = [job_id] if job_id is not None else [i for i, job in self.jobs.items() if job.run_id in names]
        live = {State.QUEUED, State.RUNNING}
        jobs = [self.jobs.pop(each) for each in gone]
        return [f"{job.run_id} was {job.state} and was forgotten" for job in jobs if job.state in live]

    def _move(self, job_id: str, job: Known, entry: Any, detail: dict[str, Any]) -> list[str]:
        move = State(entry["from_state"]), State(entry["to_state"])
        found = []
        if TRANSITIONS.get(move) != entry["event"] or job.state is not move[0]:
            found.append(f"{job.run_id} was {job.state} and went {move[0]} -> {move[1]}")
        if entry["attempt"] != job.attempt + (move[1] is State.QUEUED):
            found.append(f"{job.run_id} counts {entry['attempt']} after attempt {job.attempt}")
        if entry["event"] == "claimed":
            found += self._claimed(job_id, job)
        elif move[0] is State.RUNNING:
            found += self._ended(job, move[1], detail)
        self._place(job_id, job, move[1])
        if entry["event"] == "retried":
            job.lost = job.unstarted = job.used = 0
            job.is_canceled = False
        job.had_started = move[0] is State.RUNNING
        job.state, job.attempt = move[1], entry["attempt"]
        self._meet({job_id, job.lane})
        return found

    def _place(self, job_id: str, job: Known, after: State) -> None:
        if job.state is State.QUEUED:
            self.queued[job.lane].discard(job_id)
            if not self.queued[job.lane]:
                del self.queued[job.lane]
        self.running.discard(job_id)
        if after is State.QUEUED:
            self.queued.setdefault(job.lane, set()).add(job_id)
        elif after is State.RUNNING:
            self.running.add(job_id)

    # --- who waits for whom --------------------------------------------------------------------

    def holds(self, parent: str, condition: str) -> bool | None:
        """Return whether a run or a group has ended as asked; None while it has not."""
        if parent in self.jobs:
            job = self.jobs[parent]
            states, had_started = [job.state], job.had_started
        else:
            states, had_started = [job.state for job in self.jobs.values() if job.lane == parent], True
        if {State.QUEUED, State.RUNNING} & set(states):
            return None
        return {
            "ok": set(states) <= {State.SUCCEEDED},
            "fail": State.FAILED in states,
            "any": had_started,
        }[condition]

    def _meet(self, parents: set[str | None]) -> None:
        for job in self.jobs.values():
            for edge, is_met in job.edges.items():
                if edge[0] in parents and not is_met:
                    job.edges[edge] = self.holds(*edge) is True

    def stuck(self) -> list[str]:
        """Return who waits for the impossible: only between two transactions."""
        return [
            f"{job.run_id} waits for {edge}, which cannot be any more"
            for job in self.jobs.values()
            if job.state is State.QUEUED
            for edge, is_met in job.edges.items()
            if not is_met and self.holds(*edge) is False
        ]

    # --- the scheduler -------------------------------------------------------------------------

    @property
    def free(self) -> tuple[int, int]:
        """Free slots, CPU and GPU; runs of a daemon that had more may take it below zero."""
        gpu_jobs = sum(self.jobs[job_id].needs_gpu for job_id in self.running)
        return self.cpu_slots - len(self.running), self.gpu_slots - gpu_jobs

    def startable(self, lane: str | None) -> list[tuple[int, float, str]]:
        """What a lane could start now, best first."""
        cpu, gpu = self.free
        if lane in self.paused or cpu <= 0 or self._is_full(lane):
            return []
        queued = [(job_id, self.jobs[job_id]) for job_id in self.queued.get(lane, ())]
        jobs = [(job_id, job) for job_id, job in queued if not job.is_gated]
        return sorted((-j.priority, j.place, i) for i, j in jobs if gpu > 0 or not j.needs_gpu)

    def _is_full(self, lane: str | None) -> bool:
        return sum(self.jobs[job_id].lane == lane for job_id in self.running) >= self.limits.get(lane, 99)

    def _claimed(self, job_id: str, job: Known) -> list[str]:
        cpu, gpu = self.free
        found = []
        if cpu <= 0 or (job.needs_gpu and gpu <= 0):
            found.append(f"{job.run_id} was started without a slot: {cpu} CPU, {gpu} GPU free")
        if job.lane in self.paused:
            found.append(f"{job.run_id} was started in a paused group")
        if job.is_canceled:
            found.append(f"{job.run_id} was to be canceled and was started")
        if job.is_gated:
            found.append(f"{job.run_id} was held, blocked or put off, and was started")
        found += [f"{job.run_id} was started before {edge}" for edge, met in job.edges.items() if not met]
        if self._is_full(job.lane):
            found.append(f"{job.run_id} was started above its group's limit")
        best = self.startable(job.lane)
        if best and best[0][2] != job_id:
            found.append(f"{job.run_id} was started before {self.jobs[best[0][2]].run_id}")
        self.passed[job.lane].clear()
        for lane in self.queued:
            if lane != job.lane and self.startable(lane):
                self.passed[lane][job.lane] += 1
                if self.passed[lane][job.lane] > 1:
                    found.append(f"{lane} waits while {job.lane} is served again")
        return found

    def idle(self) -> list[str]:
        """Return what a daemon has left waiting although it could start: only right after a tick."""
        return [f"{lane} waits for nothing" for lane in self.queued if self.startable(lane)]

    # --- ends ----------------------------------------------------------------------------------

    def _ended(self, job: Known, state: State, detail: dict[str, Any]) -> list[str]:
        record = self.machine.records.get((job.run_id, job.attempt))
        name = f"{job.run_id} attempt {job.attempt}"
        found = []
        if state is State.SUCCEEDED and (record is None or record.exit_code != 0 or record.canceled):
            found.append(f"{name} succeeded, and its record is {record}")
        if state is State.SUCCEEDED and record is not None and record.yielded and not record.finished:
            found.append(f"{name} succeeded, and it was asked to make room")
        if detail["cause"] == "yielded" and (record is None or not record.yielded):
            found.append(f"{name} is said to have made room, and its record is {record}")
        if detail["cause"] == "exit" and (
            record is None or (record.exit_code == 0) != (state is State.SUCCEEDED)
        ):
            found.append(f"{name} is {state} by its exit, and its record is {record}")
        if (
            detail["cause"] in {"launch_failed", "postponed"}
            and (job.run_id, job.attempt) in self.machine.starts
        ):
            found.append(f"{name} is said not to have started, and it has")
        if any(a.is_running for a in self.machine.live if (a.run_id, a.number) == (job.run_id, job.attempt)):
            found.append(f"{name} is {state} and still runs")
        if state is State.QUEUED and job.is_canceled:
            found.append(f"{name} was to be canceled and is queued again")
        return found + self._limits(job, name, state, detail)

    @staticmethod
    def _limits(job: Known, name: str, state: State, detail: dict[str, Any]) -> list[str]:
        if detail["cause"] in {"postponed", "yielded"}:
            return []  # costs nothing, and has no limit
        if detail["cause"] in job.causes:
            return Referee._retries(job, name, state)
        is_start = detail["cause"] == "launch_failed"
        if state is State.QUEUED:
            job.unstarted += is_start
            job.lost += not is_start
        limit, count = (MAX_UNSTARTED, job.unstarted) if is_start else (MAX_LOST, job.lost)
        if state is State.QUEUED and count >= limit:
            return [f"{name} is queued again after {count} attempts lost"]
        if state is State.FAILED and "giving up" in (detail["error"] or "") and count != limit - 1:
            return [f"{name} is given up after {count + 1} attempts lost"]
        return []

    @staticmethod
    def _retries(job: Known, name: str, state: State) -> list[str]:
        """Judge an end that a rule of the run names."""
        if state is State.QUEUED:
            job.used += 1
            job.lost = job.unstarted = 0
            return [f"{name} is tried again once too often"] * (job.used > job.retries)
        is_left = job.used < job.retries and not job.is_canceled
        return [f"{name} has failed, and was to be tried again"] * (state is State.FAILED and is_left)
