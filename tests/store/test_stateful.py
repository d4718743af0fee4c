"""The journal against a model: whatever is done in whatever order, its tables say what a dictionary says.

Hypothesis draws the histories: moves allowed and not, crashes inside a transaction, daemons that take over
and older ones that still write. At the end, replaying the entries gives the tables.
"""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import rule

from runforge.core.outcome import Ending, Grant
from runforge.core.records import Job
from runforge.core.resources import Resources
from runforge.core.states import LIVE, TERMINAL, Cause, State
from runforge.daemon.claims import Claims
from runforge.daemon.main import take_over
from runforge.daemon.settings import Settings
from runforge.machine.gpus import Gpu, Gpus
from runforge.queue import cancel
from runforge.store import forgetting, transitions
from runforge.store.failures import Fenced
from runforge.store.journal import Transaction
from runforge.store.opening import open_journal
from tests.store.edge_rules import places
from tests.store.edit_rules import EditRules
from tests.store.pause_rules import PauseRules
from tests.store.queue_model import NOW, Model

MOST_JOBS = 8
gpu_counts = st.sampled_from((0, 0, 1, 1, 2))
devices = st.sampled_from((None, "A", "B"))
endings = st.sampled_from(sorted(TERMINAL))


class _Crash(Exception):
    """Stands for the death of the process that writes."""


class JournalMachine(EditRules, PauseRules):
    # --- what users do -------------------------------------------------------------------------

    @rule(jobs=st.lists(st.tuples(gpu_counts, st.integers(-3, 3)), max_size=3), fail_fast=st.booleans())
    def enqueue_a_group(self, jobs: list[tuple[int, int]], fail_fast: bool) -> None:
        self.made += 1
        group_id = f"group-{self.made}"

        def act(tx: Transaction) -> None:
            lane_id = tx.row("groups.new_lane")[0]
            tx.run(
                "groups.insert",
                group_id=group_id,
                lane_id=lane_id,
                name="x",
                notes=None,
                now=NOW,
                created_by="x",
                max_parallel=2,
                fail_fast=int(fail_fast),
                objective_metric=None,
                direction="maximize",
            )
            for gpus, priority in jobs:
                self.insert(tx, group_id, lane_id, gpus=gpus, priority=priority)

        if len(self.jobs) < MOST_JOBS:
            self.change(act)
            self.groups[group_id] = (False, False)
            self.fail_fast |= {group_id} if fail_fast else set()

    @rule(gpus=gpu_counts, priority=st.integers(-3, 3))
    def enqueue_a_run(self, gpus: int, priority: int) -> None:
        if len(self.jobs) < MOST_JOBS:
            self.change(lambda tx: self.insert(tx, None, 1, gpus=gpus, priority=priority))

    def insert(self, tx: Transaction, group: str | None, lane_id: int, *, gpus: int, priority: int) -> None:
        self.made += 1
        job_id = f"job-{self.made:04d}"
        transitions.enqueue(
            tx,
            Resources(gpus=gpus, vram_mb=1000 * (gpus // 2)),
            job_id=job_id,
            run_id=f"run-{self.made:04d}",
            group_id=group,
            lane_id=lane_id,
            run_dir=".",
            priority=priority,
            dry_run_seconds=None,
            overrides="{}",
            now=NOW,
        )
        self.jobs[job_id] = Model(group, gpus, priority)

    @rule(place=places, is_open=st.booleans())
    def open_or_close(self, place: int, is_open: bool) -> None:
        if self.groups:
            group_id = sorted(self.groups)[place % len(self.groups)]
            with self.journal.write(self.epoch) as tx:
                change = "UPDATE groups SET is_open = ? WHERE group_id = ?"
                self.journal.connection.execute(change, (int(is_open), group_id))
                transitions.settle(tx, group_id, NOW)
            self.open = self.open | {group_id} if is_open else self.open - {group_id}
            self.settle(group_id)
            self.resolve()

    @rule(place=places, is_paused=st.booleans())
    def pause_or_resume(self, place: int, is_paused: bool) -> None:
        if self.groups:
            group_id = sorted(self.groups)[place % len(self.groups)]
            self.change(
                lambda tx: tx.run("groups.set_paused", group_id=group_id, is_paused=int(is_paused), now=NOW)
            )
            self.groups[group_id] = (is_paused, self.groups[group_id][1])

    @rule(place=places, priority=st.integers(-3, 3))
    def set_priority(self, place: int, priority: int) -> None:
        if (job_id := self.pick(place)) is not None:
            self.change(lambda tx: tx.run("jobs.set_priority", job_id=job_id, priority=priority, now=NOW))
            if self.jobs[job_id].state in LIVE:
                self.jobs[job_id] = replace(self.jobs[job_id], priority=priority)

    @rule(several=st.lists(places, min_size=1, max_size=3))
    def cancel(self, several: list[int]) -> None:
        """Cancel some jobs in one change: each of them was canceled by a person, also who waits for another."""
        names = {job_id for place in several if (job_id := self.pick(place)) is not None}
        jobs = [self.row(job_id) for job_id in sorted(names) if self.jobs[job_id].state in LIVE]
        self.change(lambda tx: cancel._cancel(tx, jobs, NOW, let_running_finish=False))
        for job in jobs:
            if job.state is State.QUEUED:
                self.move(job.job_id, State.CANCELED)
            else:
                self.jobs[job.job_id] = replace(self.jobs[job.job_id], cancel_requested=True, frozen=False)
        self.resolve()

    @rule(place=places)
    def prune(self, place: int) -> None:
        if (job_id := self.pick(place)) is None:
            return
        group = self.jobs[job_id].group
        doomed = [i for i, j in self.jobs.items() if i == job_id or (group is not None and j.group == group)]
        rows = [self.row(i) for i in doomed]
        allowed = all(self.jobs[i].state in TERMINAL for i in doomed)
        self.change(lambda tx: forgetting.forget(tx, rows, NOW), allowed=allowed)
        if allowed:
            self.forget(doomed, group if group not in self.open else None)

    # --- what daemons do -----------------------------------------------------------------------

    @rule(place=places, slot=st.integers(0, 2), devices=st.tuples(devices, devices), whole=st.booleans())
    def claim(self, place: int, slot: int, devices: tuple[str | None, str | None], whole: bool) -> None:
        if (job_id := self.pick(place)) is None:
            return
        job, known, grant = (
            self.row(job_id),
            self.jobs[job_id],
            self.grant(job_id, slot, devices, whole=whole),
        )
        allowed = known.is_ready and slot not in self.slots and self.can_be_given(grant.devices)
        self.change(lambda tx: transitions.claim(tx, job, grant, NOW), allowed=allowed)
        if allowed:
            self.move(job_id, State.RUNNING)
            self.give(job_id, grant)

    @rule(gpu_slots=st.integers(0, 3), gpus=st.lists(st.sampled_from("AB"), unique=True))
    def claim_what_is_next(self, gpu_slots: int, gpus: list[str]) -> None:
        """A daemon starts all that it can: the rest could not start, and all counts are right."""
        found = [Gpu(place, uuid, uuid, 2000) for place, uuid in enumerate(gpus)]
        claims = Claims(self.epoch, 3, gpu_slots, Gpus(tuple(found)), only_lane=None)
        with self.journal.write(self.epoch) as tx:
            claimed = claims.claim_all(tx, NOW)
        for job, _, grant in claimed:
            assert self.jobs[job.job_id].is_ready
            assert not self.is_closed(job.group_id)
            assert grant.slot not in self.slots
            assert self.can_be_given(grant.devices)
            assert len(grant.devices) == self.jobs[job.job_id].gpus
            assert set(grant.uuids) <= set(gpus)
            assert bool(gpus) == bool(grant.uuids) or not grant.devices
            self.move(job.job_id, State.RUNNING)
            self.give(job.job_id, grant)
        if len(self.slots) < 3:
            waiting = [job for job in self.jobs.values() if job.is_ready and not job.gpus]
            assert all(self.is_closed(job.group) for job in waiting)
            if len(self.grants) < gpu_slots:
                waiting = [job for job in self.jobs.values() if job.is_ready and job.gpus == 1]
                assert all(self.is_closed(job.group) for job in waiting)

    @rule(place=places, state=endings)
    def end(self, place: int, state: State) -> None:
        if (job_id := self.pick(place)) is None:
            return
        job, known = self.row(job_id), self.jobs[job_id]
        allowed = known.state is State.RUNNING or (
            known.state is State.QUEUED and state is not State.SUCCEEDED
        )
        ending = Ending(state, Cause.EXIT, None if state is State.SUCCEEDED else "why")
        self.change(lambda tx: transitions.end(tx, job, ending, NOW), allowed=allowed)
        if allowed:
            self.move(job_id, state)
            if state is State.FAILED and known.group in self.fail_fast:
                for other, waiting in self.jobs.items():
                    if waiting.group == known.group and waiting.state is State.QUEUED:
                        self.move(other, State.CANCELED)
            self.resolve()

    @rule(place=places)
    def requeue(self, place: int) -> None:
        # A run that is to be canceled is not put back: `core.policy` ends it.
        if (job_id := self.pick(place)) is None or self.jobs[job_id].cancel_requested:
            return
        job, known = self.row(job_id), self.jobs[job_id]
        allowed = known.state is State.RUNNING
        ending = Ending(State.QUEUED, Cause.LOST, "lost")
        self.change(lambda tx: transitions.requeue(tx, job, ending, NOW), allowed=allowed)
        if allowed:
            self.move(job_id, State.QUEUED, attempt=known.attempt + 1, lost=known.lost + 1, delayed=False)

    @rule(place=places, state=endings)
    def end_an_attempt_that_is_over(self, place: int, state: State) -> None:
        if (job_id := self.pick(place)) is not None and self.jobs[job_id].attempt > 1:
            job = self.row(job_id)._replace(attempt=self.jobs[job_id].attempt - 1)
            ending = Ending(state, Cause.EXIT, None if state is State.SUCCEEDED else "why")
            self.change(lambda tx: transitions.end(tx, job, ending, NOW), allowed=False)

    @rule()
    def take_over(self) -> None:
        before, self.epoch = self.epoch, take_over(self.journal, Settings())
        assert self.epoch == before + 1

    @rule(place=places)
    def an_older_daemon_writes(self, place: int) -> None:
        if self.epoch == 0 or (job_id := self.pick(place)) is None:
            return
        with pytest.raises(Fenced), self.journal.write(self.epoch - 1) as tx:
            tx.run("jobs.set_priority", job_id=job_id, priority=99, now=NOW)

    # --- crashes -------------------------------------------------------------------------------

    @rule(place=places, slot=st.integers(0, 2), is_dropped=st.booleans())
    def crash_inside_a_transaction(self, place: int, slot: int, is_dropped: bool) -> None:
        if (job_id := self.pick(place)) is None or self.jobs[job_id].state is not State.QUEUED:
            return
        job, grant = self.row(job_id), self.grant(job_id, slot, (None, None), whole=True)
        if not self.jobs[job_id].is_ready or slot in self.slots or not self.can_be_given(grant.devices):
            return
        if is_dropped:
            self._drop_the_connection(job, grant)
        else:
            with pytest.raises(_Crash):
                self._die_in_between(job, grant)

    def _die_in_between(self, job: Job, grant: Grant) -> None:
        with self.journal.write() as tx:
            transitions.claim(tx, job, grant, NOW)
            raise _Crash

    def _drop_the_connection(self, job: Job, grant: Grant) -> None:
        connection = self.journal.connection
        connection.execute("BEGIN IMMEDIATE")
        transitions.claim(Transaction(connection), job, grant, NOW)
        self.journal.close()
        self.journal = open_journal(self.ws)

    @rule()
    def checkpoint(self) -> None:
        self.journal.checkpoint()


TestJournal = JournalMachine.TestCase
TestJournal.settings = settings(
    max_examples=25, stateful_step_count=40, deadline=None, derandomize=True, print_blob=True
)
