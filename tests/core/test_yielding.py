"""How a run goes back into the queue that has made room, and who can be asked to."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.core import yielding
from runforge.core.outcome import Ending, ExitRecord
from runforge.core.records import ASKED, ASKED_AND_HELD, Job
from runforge.core.states import Cause, State
from tests.core.test_retrying import job as plain

YIELDED = Ending(State.QUEUED, Cause.YIELDED, "yielded")


def job(**changes: Any) -> Job:
    return plain(**{"is_resumable": True, **changes})


def record(**changes: Any) -> ExitRecord:
    return ExitRecord("t", 0, None, False, False, None, "a", "b", 1, 0, 0)._replace(yielded=True, **changes)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (record(), "yielded: it ended with exit code 0"),
        (record(exit_code=85), "yielded: it ended with exit code 85"),
        (record(exit_code=None, signal=15), "yielded: ended by SIGTERM"),
        (record(exit_code=None, signal=9), "yielded: it was killed when its time to save was over"),
        (record(exit_code=137), "yielded: it was killed when its time to save was over"),
        (record(exit_code=None), "yielded before it started"),
    ],
)
@pytest.mark.parametrize("changed", [None, True, False])
def test_its_end_in_words(seen: ExitRecord, words: str, changed: bool | None) -> None:
    ending = yielding.ending_of(seen._replace(checkpoint_changed=changed))
    is_bad = changed is False and "killed" in words
    assert ending.error == words + ("; no checkpoint was seen" if is_bad else "")


def steps(*reported: float | None, saved: bool | None = None) -> list[tuple[int, bool]]:
    """Return the idle yields, and whether the run is held, after yields at these steps."""
    known, found = job(), []
    for step in reported:
        returned = yielding.returned(known, YIELDED._replace(last_step=step, checkpoint_changed=saved))
        known = known._replace(idle_yields=returned.idle_yields, last_step=returned.last_step)
        found.append((returned.idle_yields, returned.ending.is_held))
    return found


def test_it_is_held_after_five_yields_in_a_row_without_a_new_step() -> None:
    assert steps(1, 1, 1, 1, 1, 1) == [(0, False), (1, False), (2, False), (3, False), (4, False), (0, True)]
    assert steps(3, 2, 3, 4, 4) == [(0, False), (1, False), (2, False), (0, False), (1, False)]
    assert steps(7, None) == [(0, False), (1, False)]


def test_without_steps_what_it_saves_counts() -> None:
    assert steps(*[None] * 6, saved=True) == [(0, False)] * 6
    assert steps(*[None] * 5, saved=False)[-1] == (0, True)
    assert steps(5, *[None] * 5, saved=True)[-1] == (0, True)


def test_it_is_held_if_that_was_asked_for() -> None:
    for wish in (0, ASKED, ASKED_AND_HELD):
        returned = yielding.returned(job(yield_requested=wish), YIELDED._replace(last_step=1))
        assert returned.ending.is_held is (wish == ASKED_AND_HELD)
        assert returned.ending.error == "yielded"


def test_the_orders_of_an_attempt_and_a_cancel_above_all() -> None:
    assert yielding.orders(job()) == frozenset()
    assert yielding.orders(job(frozen_at="now")) == {"freeze"}
    assert yielding.orders(job(frozen_at="now", yield_requested=1)) == {"yield"}
    assert yielding.orders(job(frozen_at="now", yield_requested=1, cancel_requested=True)) == {"cancel"}


def test_who_can_be_asked() -> None:
    def why(known: Job, *, is_held: bool = False, is_forced: bool = False) -> str | None:
        return yielding.why_not(known, is_held=is_held, is_forced=is_forced)

    assert why(job()) is None
    assert (
        why(job(is_resumable=False))
        == "not resumable: it would start from zero; --force does it all the same"
    )
    assert why(job(is_resumable=False), is_forced=True) is None
    assert why(job(yield_requested=ASKED)) == "asked to yield already"
    assert why(job(yield_requested=ASKED), is_held=True) is None
    assert why(job(yield_requested=ASKED_AND_HELD)) == "asked to yield already"
    assert why(job(cancel_requested=True)) == "being stopped"
    assert why(job(state=State.QUEUED)) == "still queued"
    assert why(job(state=State.FAILED)) == "already failed"


def test_who_can_be_frozen() -> None:
    def why(known: Job, *, is_frozen: bool = True) -> str | None:
        return yielding.why_not_frozen(known, is_frozen=is_frozen)

    assert (why(job()), why(job(frozen_at="now"))) == (None, "already frozen")
    assert (why(job(), is_frozen=False), why(job(frozen_at="now"), is_frozen=False)) == ("not frozen", None)
    assert why(job(yield_requested=1)) == "asked to yield already"
    assert why(job(cancel_requested=True)) == "being stopped"
    assert why(job(state=State.QUEUED)) == "still queued"
