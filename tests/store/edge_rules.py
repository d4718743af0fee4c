"""The part of the stateful test that is about waiting: edges, holds, retries, limits and the order."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import rule

from runforge.core.dependencies import Condition, Parent
from runforge.core.outcome import Ending
from runforge.core.retrying import Again
from runforge.core.states import Cause, State
from runforge.queue import hold, move
from runforge.store import transitions
from runforge.store.journal import Transaction
from tests.store.queue_model import NOW, ModelMachine

places = st.integers(0, 99)
conditions = st.sampled_from([condition.value for condition in Condition])
ENDED_BADLY = frozenset({State.FAILED, State.CANCELED})


class EdgeRules(ModelMachine):
    """Rules that change what a job waits for, and when it may start."""

    # --- edges ---------------------------------------------------------------------------------

    @rule(child=places, parent=places, is_group=st.booleans(), condition=conditions)
    def depend(self, child: int, parent: int, is_group: bool, condition: str) -> None:
        if (job_id := self.pick(child)) is None or (is_group and not self.groups):
            return
        above = sorted(self.groups)[parent % len(self.groups)] if is_group else self.pick(parent)
        assert above is not None
        kind = "group" if is_group else "run"
        is_new = (job_id, above, condition) not in self.edges
        allowed = (
            self.jobs[job_id].state is State.QUEUED
            and not (is_new and self.holds(above, condition) is None and self.leads_back(job_id, above))
            and (not is_group or bool(self.members(above)) or above in self.open)
            and self.holds(above, condition) is not False
        )
        self.change(
            lambda tx: transitions.depend(tx, job_id, [Parent(kind, above, condition)]), allowed=allowed
        )
        if allowed:
            self.edges.setdefault((job_id, above, condition), bool(self.holds(above, condition)))
            self.recount()

    @rule(place=places, alone=st.booleans())
    def retry(self, place: int, alone: bool) -> None:
        if (job_id := self.pick(place)) is None:
            return
        job = self.row(job_id)
        allowed = self.jobs[job_id].state in ENDED_BADLY and not self.waits_in_vain(job_id)
        self.change(lambda tx: transitions.retry(tx, job, NOW, alone=alone), allowed=allowed)
        if allowed:
            self.bring_back(job_id, alone=alone)

    def forget(self, job_ids: list[str], group: str | None) -> None:
        """Drop jobs and their group from the model, and every edge to them."""
        gone = {*job_ids, group}
        self.jobs = {i: job for i, job in self.jobs.items() if i not in gone}
        self.edges = {edge: met for edge, met in self.edges.items() if not gone & {edge[0], edge[1]}}
        if group is not None:
            self.groups.pop(group, None)
            self.limits.pop(group, None)
            self.over.discard(group)
        self.recount()

    # --- gates ---------------------------------------------------------------------------------

    @rule(place=places, is_held=st.booleans())
    def hold_or_release(self, place: int, is_held: bool) -> None:
        if (job_id := self.pick(place)) is None:
            return
        self.change(lambda tx: hold.set_held(tx, [job_id], NOW, is_held=is_held))
        if self.jobs[job_id].state is State.QUEUED:
            self.jobs[job_id] = replace(self.jobs[job_id], held=is_held)

    @rule(place=places)
    def try_again(self, place: int) -> None:
        """An attempt has failed, and a rule of the run wants another one."""
        if (job_id := self.pick(place)) is None:
            return
        job, known = self.row(job_id), self.jobs[job_id]
        allowed = known.state is State.RUNNING and not known.cancel_requested
        ending = Ending(State.FAILED, Cause.EXIT, "exit code 3", 3)
        self.change(
            lambda tx: transitions.try_again(tx, job, ending, NOW, Again(3600.0, "[1]")),
            allowed=allowed,
        )
        if allowed:
            self.move(job_id, State.QUEUED, attempt=known.attempt + 1, lost=0, delayed=True)

    @rule()
    def the_time_has_come(self) -> None:
        self.change(lambda tx: tx.run("jobs.release_due", now="9999"))
        for job_id, job in self.jobs.items():
            if job.state is State.QUEUED:
                self.jobs[job_id] = replace(job, delayed=False)

    # --- groups --------------------------------------------------------------------------------

    @rule(place=places, limit=st.one_of(st.none(), st.integers(1, 2)))
    def set_limit(self, place: int, limit: int | None) -> None:
        if self.groups:
            group_id = sorted(self.groups)[place % len(self.groups)]
            self.change(lambda tx: tx.run("groups.set_limit", group_id=group_id, run_limit=limit, now=NOW))
            self.limits.pop(group_id, None)
            if limit is not None:
                self.limits[group_id] = limit

    def is_closed(self, group: str | None) -> bool:
        """Return whether a group offers no run now: it is paused, or has as many running as it may."""
        if group is None:
            return False
        running = sum(job.state is State.RUNNING for job in self.members(group))
        return self.groups[group][0] or running >= self.limits.get(group, running + 1)

    # --- the order -----------------------------------------------------------------------------

    @rule(place=places, other=places, where=st.sampled_from(("front", "back", "before", "after")))
    def move_in_the_order(self, place: int, other: int, where: str) -> None:
        job_id, near = self.pick(place), self.pick(other)
        if job_id is None or near is None:
            return
        named = where in {"before", "after"}
        allowed = not named or self.jobs[near].state is State.QUEUED
        spot = move.Place(where, near if named else None)
        before, after = [], []

        def act(tx: Transaction) -> None:
            before.extend(self.order(tx, job_id))
            skipped = move.move_in(tx, [job_id], spot, NOW).skipped
            after.extend(self.order(tx, job_id))
            one, two = self.jobs[job_id], self.jobs[near]
            fits = not named or (one.group, one.priority) == (two.group, two.priority)
            if one.state is not State.QUEUED or not fits:
                assert skipped
                assert after == before
            elif not (named and job_id == near):
                before.remove(job_id)
                index = {"front": 0, "back": len(before)}.get(where)
                before.insert(before.index(near) + (where == "after") if index is None else index, job_id)
                assert after == before

        self.change(act, allowed=allowed)

    def order(self, tx: Transaction, job_id: str) -> list[str]:
        job = self.row_in(tx, job_id)
        return [row["job_id"] for row in tx.rows("jobs.places", lane_id=job.lane_id, priority=job.priority)]
