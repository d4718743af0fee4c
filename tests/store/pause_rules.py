"""The rules of test_stateful.py for runs that stand still, go on, and make room."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import rule

from runforge.core import yielding
from runforge.core.outcome import Ending
from runforge.core.records import ASKED, ASKED_AND_HELD
from runforge.core.states import Cause, State
from runforge.store import transitions
from tests.store.edge_rules import EdgeRules, places
from tests.store.queue_model import NOW

steps = st.sampled_from((None, 1.0, 2.0))


class PauseRules(EdgeRules):
    @rule(place=places, is_frozen=st.booleans())
    def freeze_or_thaw(self, place: int, is_frozen: bool) -> None:
        if (job_id := self.pick(place)) is None:
            return
        job, known = self.row(job_id), self.jobs[job_id]
        if yielding.why_not_frozen(job, is_frozen=is_frozen) is None:
            assert (known.state, known.frozen) == (State.RUNNING, not is_frozen)
            self.jobs[job_id] = replace(known, frozen=is_frozen)
            self.change(lambda tx: transitions.set_frozen(tx, job, NOW, is_frozen=is_frozen))
        elif known.state is not State.RUNNING:  # whoever does not ask first changes nothing
            self.change(lambda tx: transitions.set_frozen(tx, job, NOW, is_frozen=is_frozen))

    @rule(place=places, is_held=st.booleans())
    def ask_to_yield(self, place: int, is_held: bool) -> None:
        if (job_id := self.pick(place)) is None:
            return
        job, known = self.row(job_id), self.jobs[job_id]
        wish = ASKED_AND_HELD if is_held else ASKED
        if known.state is State.RUNNING and not known.cancel_requested:
            self.jobs[job_id] = replace(known, yield_requested=wish, frozen=False)
        self.change(lambda tx: transitions.ask_to_yield(tx, job, NOW, wish))

    @rule(place=places, step=steps)
    def give_back(self, place: int, step: float | None) -> None:
        if (job_id := self.pick(place)) is None:
            return
        job, known = self.row(job_id), self.jobs[job_id]
        returned = yielding.returned(job, Ending(State.QUEUED, Cause.YIELDED, "yielded", last_step=step))
        allowed = known.state is State.RUNNING and not known.cancel_requested
        self.change(lambda tx: transitions.give_back(tx, job, returned, NOW), allowed=allowed)
        if allowed:
            self.move(
                job_id,
                State.QUEUED,
                attempt=known.attempt + 1,
                held=returned.ending.is_held,
                yields=known.yields + 1,
                idle_yields=returned.idle_yields,
            )
            with self.journal.read() as tx:
                lane = {"lane_id": job.lane_id, "priority": job.priority}
                assert tx.rows("jobs.places", **lane)[0]["job_id"] == job_id
