"""The same model as the stateful test, through long histories of much waiting: Hypothesis' own are short."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest

from runforge.core.dependencies import Condition
from runforge.core.states import TERMINAL, State
from tests.store.edge_rules import ENDED_BADLY
from tests.store.test_stateful import JournalMachine

_STEPS = 700
QUEUED, RUNNING = State.QUEUED, State.RUNNING


class History:
    """One journal and its model, changed by a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)
        self.machine = JournalMachine()
        self.machine.open()
        #: What has happened: a history in which nothing does proves nothing.
        self.seen: Counter[str] = Counter()

    def one(self, *states: State) -> int:
        """Return the place of a job in one of these states, mostly."""
        names = sorted(self.machine.jobs)
        fitting = [place for place, name in enumerate(names) if self.machine.jobs[name].state in states]
        is_fitting = fitting and self.random.random() < 0.9
        return self.random.choice(fitting) if is_fitting else self.random.randrange(99)

    def step(self) -> None:
        number, machine = self.random.randrange, self.machine
        commands: list[tuple[int, Any]] = [
            (5, self._enqueue),
            (9, self._depend),
            (4, lambda: machine.claim(self.one(QUEUED), number(3), (None, None), whole=True)),
            (6, lambda: machine.end(self.one(RUNNING), self.random.choice(sorted(TERMINAL)))),
            (4, lambda: machine.retry(self.one(*ENDED_BADLY), alone=number(4) == 0)),
            (1, lambda: machine.cancel([self.one(QUEUED, RUNNING), self.one(QUEUED)])),
            (3, lambda: machine.prune(self.one(*TERMINAL))),
            (1, lambda: machine.requeue(self.one(RUNNING))),
            (1, lambda: machine.try_again(self.one(RUNNING))),
            (1, machine.the_time_has_come),
            (1, lambda: machine.hold_or_release(self.one(QUEUED), is_held=number(3) == 0)),
            (4, lambda: machine.set_limit(number(99), self.random.choice((None, 1, 2)))),
            (1, lambda: machine.open_or_close(number(99), is_open=number(3) == 0)),
            (4, lambda: machine.claim_what_is_next(0, [])),
            (1, self._move),
            (4, lambda: machine.show(self.one(QUEUED))),
            (6, lambda: machine.edit_what_was_shown(number(99), number(3))),
        ]
        command = self.random.choices([c for _, c in commands], [weight for weight, _ in commands])[0]
        before = self._look()
        command()
        machine.tables_say_what_the_model_says()
        after = self._look()
        self.seen.update(name for name in after if after[name] > before[name])
        self.seen.update(f"no more {name}" for name in after if after[name] < before[name])

    def _look(self) -> Counter[str]:
        jobs, edges = self.machine.jobs.values(), self.machine.edges.values()
        edited = sum(job.version for job in jobs)
        return Counter(vain=sum(job.in_vain for job in jobs), met=sum(edges), edges=len(edges), edited=edited)

    def _enqueue(self) -> None:
        if self.random.random() < 0.5:
            self.machine.enqueue_a_run(0, 0)
        else:
            self.machine.enqueue_a_group(
                [(0, 0)] * self.random.randint(1, 3), fail_fast=self.random.random() < 0.3
            )

    def _depend(self) -> None:
        condition = self.random.choice(list(Condition)).value
        child, parent = self.one(QUEUED), self.one(QUEUED, RUNNING)
        self.machine.depend(child, parent, is_group=self.random.random() < 0.3, condition=condition)

    def _move(self) -> None:
        where = self.random.choice(("front", "back", "before", "after"))
        self.machine.move_in_the_order(self.one(QUEUED), self.one(QUEUED), where)


@pytest.mark.parametrize("seed", range(6))
def test_a_long_history_of_waiting_is_what_the_model_says(seed: int) -> None:
    history = History(seed)
    try:
        for _ in range(_STEPS):
            history.step()
    finally:
        history.machine.teardown()
    assert min(history.seen[event] for event in ("edges", "met", "vain", "no more vain", "edited")) > 1, (
        history.seen
    )
