"""What users do in the simulation: they queue, cancel, retry, hold, move and forget runs, and limit groups."""

from __future__ import annotations

import json
from collections.abc import Callable
from random import Random
from typing import Any

from runforge.core import retrying, yielding
from runforge.core.dependencies import Parent
from runforge.core.records import ASKED, ASKED_AND_HELD
from runforge.core.resources import Resources
from runforge.core.states import State
from runforge.queue import cancel, hold, move
from runforge.store import edges, forgetting, records, transitions
from runforge.store.journal import Transaction
from tests.simulation.referee import Referee

_MOST_QUEUED = 25
#: One rule: the referee counts uses in one number.
_RULES = retrying.to_json((retrying.Rule(2, ("exit", "signal", "oom")),))


class Users:
    """Makes up commands; each is done in a transaction of the world's."""

    def __init__(self, random: Random, referee: Referee) -> None:
        self.random = random
        self.referee = referee
        self._number = 0

    def next(self) -> Callable[[Transaction, str], list[Any] | None]:
        """Return the next command: it returns the running jobs that are to stop."""
        if self.random.random() < 0.02:
            return self._prune
        return self.random.choice(
            (
                *(self._enqueue, self._enqueue, self._pause, self._cancel, self._retry, self._reprioritise),
                *(self._hold, self._move, self._limit, self._freeze, self._yield),
            )
        )

    def _enqueue(self, tx: Transaction, now: str) -> None:
        if sum(map(len, self.referee.queued.values())) > _MOST_QUEUED:
            return
        lane_id, group_id = 1, None
        if self.random.random() < 0.7:
            self._number += 1
            group_id = f"group-{self._number}"
            lane_id = tx.row("groups.new_lane")[0]
            tx.run(
                "groups.insert", group_id=group_id, lane_id=lane_id, name="x", notes=None, now=now,
                created_by="x", max_parallel=2, fail_fast=int(self.random.random() < 0.1),
                objective_metric=None, direction="maximize",
            )  # fmt: skip
        for _ in range(self.random.randint(1, 6)):
            self._number += 1
            transitions.enqueue(
                tx, Resources(gpus=int(self.random.random() < 0.3)), job_id=f"job-{self._number}",
                run_id=f"run-{self._number}", group_id=group_id, lane_id=lane_id, run_dir=".", priority=self.random.choice((0, 0, 0, -1, 5)), overrides="{}",
                dry_run_seconds=None, now=now,
                retry_rules=_RULES if self.random.random() < 0.3 else "[]",
            )  # fmt: skip
            if self.random.random() < 0.4:
                transitions.depend(tx, f"job-{self._number}", self._parents(group_id), now)

    def _parents(self, own: str | None) -> list[Parent]:
        """Return what a new job may wait for: what has not ended, and not its own group."""
        live = [i for i, job in self.referee.jobs.items() if job.state in {State.QUEUED, State.RUNNING}]
        groups = [lane for lane in self.referee.queued if lane not in {None, own}]
        found = [("run", job_id) for job_id in live] + [("group", str(lane)) for lane in groups]
        chosen = self.random.sample(found, min(len(found), self.random.randint(1, 2)))
        return [Parent(kind, name, self.random.choice(("ok", "ok", "any", "fail"))) for kind, name in chosen]

    def _hold(self, tx: Transaction, now: str) -> None:
        job = self._any_job(tx, State.QUEUED)
        if job is not None:
            hold.set_held(tx, [job.job_id], now, is_held=self.random.random() < 0.3)

    def _move(self, tx: Transaction, now: str) -> None:
        job, other = self._any_job(tx, State.QUEUED), self._any_job(tx, State.QUEUED)
        if job is not None and other is not None:
            places = (move.FRONT, move.BACK, move.before(other.job_id), move.after(other.job_id))
            move.move_in(tx, [job.job_id], self.random.choice(places), now)

    def _limit(self, tx: Transaction, now: str) -> None:
        group_id = self._any_group()
        if group_id is not None:
            run_limit = self.random.choice((None, None, 1, 2))
            tx.run("groups.set_limit", group_id=group_id, run_limit=run_limit, now=now)

    def _any_job(self, tx: Transaction, *states: State) -> Any:
        found = [job_id for job_id, job in self.referee.jobs.items() if job.state in states]
        if not found:
            return None
        return records.job(tx.row("jobs.by_job_id", job_id=self.random.choice(found)))

    def _any_group(self) -> str | None:
        groups = [lane for lane, jobs in self.referee.queued.items() if lane is not None and jobs]
        return self.random.choice(groups) if groups else None

    def _pause(self, tx: Transaction, now: str) -> None:
        is_paused = self.random.random() < 0.4
        group_id = self._any_group()
        if not is_paused and self.referee.paused:
            group_id = self.random.choice(sorted(map(str, self.referee.paused)))
        if group_id is not None:
            tx.run("groups.set_paused", group_id=group_id, is_paused=int(is_paused), now=now)

    def _cancel(self, tx: Transaction, now: str) -> list[Any]:
        job = self._any_job(tx, State.QUEUED, State.RUNNING)
        if job is None or self.random.random() < 0.5:
            return []
        jobs = [job]
        if job.group_id is not None and self.random.random() < 0.3:
            jobs = [
                j
                for j in transitions.jobs_of_group(tx, job.group_id)
                if j.state in {State.QUEUED, State.RUNNING}
            ]
            tx.run("groups.set_canceled", group_id=job.group_id, is_canceled=1, now=now)
        return cancel._cancel(tx, jobs, now, let_running_finish=self.random.random() < 0.2)

    def _freeze(self, tx: Transaction, now: str) -> None:
        job, is_frozen = self._any_job(tx, State.RUNNING), self.random.random() < 0.5
        if job is not None and yielding.why_not_frozen(job, is_frozen=is_frozen) is None:
            transitions.set_frozen(tx, job, now, is_frozen=is_frozen)

    def _yield(self, tx: Transaction, now: str) -> None:
        job, is_held = self._any_job(tx, State.RUNNING), self.random.random() < 0.2
        if job is not None and yielding.why_not(job, is_held=is_held, is_forced=True) is None:
            transitions.ask_to_yield(tx, job, now, ASKED_AND_HELD if is_held else ASKED)

    def _retry(self, tx: Transaction, now: str) -> None:
        job = self._any_job(tx, State.FAILED, State.CANCELED)
        if job is not None and edges.in_vain(tx, job) is None:
            transitions.retry(tx, job, now, alone=self.random.random() < 0.2)

    def _reprioritise(self, tx: Transaction, now: str) -> None:
        job = self._any_job(tx, State.QUEUED, State.RUNNING)
        if job is not None:
            tx.run("jobs.set_priority", job_id=job.job_id, priority=self.random.randint(-2, 6), now=now)

    def _prune(self, tx: Transaction, now: str) -> None:
        seqs = json.dumps([row["seq"] for row in tx.rows("jobs.prunable", before="9999")])
        old = [records.job(row) for row in tx.rows("jobs.window", seqs=seqs)]
        forgetting.forget(tx, old, now)
