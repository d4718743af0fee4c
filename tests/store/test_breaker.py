"""Equal failures in a row pause their group, in the transaction of the last one's end."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from runforge import clock
from runforge.core.outcome import Ending
from runforge.core.retrying import Again
from runforge.core.states import Cause, State
from runforge.queue import pause
from runforge.store import edges, heads, transitions, verify
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit

OK, FAIL, CANCEL = State.SUCCEEDED, State.FAILED, State.CANCELED
BAD = "exit 1: ModuleNotFoundError: No module named 'foo' (t.py:main)"
OTHER = "exit 1: KeyError: 'lr' (t.py:main)"


@pytest.fixture
def kit(bare_ws: Workspace) -> Iterator[Kit]:
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        found = Kit(journal)
        found.group("g")
        for number in range(20):
            found.job(f"j{number}", group="g")
        yield found
    assert verify.check(bare_ws) == []


def play(kit: Kit, *signatures: str | None, first: int = 0) -> bool:
    """Let runs end one after the other: failed with a signature, or succeeded; return whether the group is paused."""
    for number, signature in enumerate(signatures, first):
        kit.claim(f"j{number}")
        kit.end(f"j{number}", FAIL if signature else OK, signature=signature)
    return kit.get_group("g").is_paused


def test_five_equal_failures_pause_the_group_and_nothing_more_of_it_can_start(kit: Kit) -> None:
    assert not play(kit, BAD, BAD, BAD, BAD)
    assert play(kit, BAD, first=4)
    group = kit.get_group("g")
    assert (group.paused_by, group.pause_reason) == (
        "breaker",
        "5 x ModuleNotFoundError: No module named 'foo' (t.py:main)",
    )
    with kit.journal.read() as tx:
        assert heads.first(tx) == []
        (notice,) = (row for row in tx.rows("outbox.all") if row["event"] == "breaker")
        (entry,) = [row for row in tx.rows("journal.entries_all") if row["event"] == "group_paused"]
    assert (notice["event"], notice["group_id"], notice["done_at"]) == ("breaker", "g", None)
    assert json.loads(notice["detail"])["reason"] == group.pause_reason
    assert json.loads(entry["detail"])["by"] == "breaker"


@pytest.mark.parametrize(
    "history",
    [
        (BAD, BAD, BAD, BAD, None, BAD, BAD, BAD, BAD),
        (BAD, BAD, BAD, BAD, OTHER, BAD, BAD, BAD, BAD),
        (BAD, OTHER) * 5,
    ],
)
def test_a_success_or_another_failure_between_ends_the_row(kit: Kit, history: tuple[str | None, ...]) -> None:
    assert not play(kit, *history)


def test_a_cancel_neither_trips_it_nor_ends_the_row(kit: Kit) -> None:
    for number in range(8):
        kit.claim(f"j{number}")
        kit.end(f"j{number}", CANCEL, Cause.CANCELED)
    assert not kit.get_group("g").is_paused
    play(kit, BAD, BAD, BAD, BAD, first=8)
    kit.cancel("j19")
    assert play(kit, BAD, first=12)


@pytest.mark.parametrize(("breaker", "failures", "expected"), [(2, 2, True), (0, 9, False), (7, 6, False)])
def test_its_number_can_be_set_and_0_is_off(kit: Kit, breaker: int, failures: int, expected: bool) -> None:
    with kit.journal.write() as tx:
        tx.run("groups.set_breaker", group_id="g", breaker=breaker, now=clock.now())
    assert play(kit, *[BAD] * failures) is expected


def test_failures_that_are_tried_again_count_too(kit: Kit) -> None:
    play(kit, BAD, BAD, BAD, BAD)
    kit.claim("j9")
    with kit.journal.write() as tx:
        job = edges.job_of(tx, "j9")
        assert job is not None
        ending = Ending(FAIL, Cause.EXIT, "exit code 1", 1, signature=BAD)
        transitions.try_again(tx, job, ending, clock.now(), Again(0.0, "[1]"))
    assert kit.get_group("g").is_paused


def test_a_resumed_group_has_a_clean_record(kit: Kit) -> None:
    play(kit, *[BAD] * 5)
    pause.resume_group(kit.journal.workspace, "g")
    group = kit.get_group("g")
    assert (group.is_paused, group.paused_by, group.pause_reason) == (False, None, None)
    assert not play(kit, BAD, BAD, BAD, BAD, first=5)
    assert play(kit, BAD, first=9)


def test_a_person_s_pause_has_no_reason_and_hides_none(kit: Kit) -> None:
    pause.pause_group(kit.journal.workspace, "g")
    assert kit.get_group("g").paused_by == "person"
    pause.resume_group(kit.journal.workspace, "g")
    play(kit, *[BAD] * 5)
    pause.pause_group(kit.journal.workspace, "g")
    assert kit.get_group("g").paused_by == "breaker"


def test_a_group_with_nothing_left_to_start_is_not_paused(bare_ws: Workspace) -> None:
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        kit = Kit(journal)
        kit.group("g")
        for number in range(5):
            kit.job(f"j{number}", group="g")
        assert not play(kit, *[BAD] * 5)


def test_runs_without_a_group_have_no_breaker(kit: Kit) -> None:
    for number in range(7):
        kit.job(f"single{number}")
        kit.claim(f"single{number}")
        kit.end(f"single{number}", FAIL, signature=BAD)
    kit.job("next")
    with kit.journal.read() as tx:
        assert [head.job_id for head in heads.first(tx, only=1)] == ["next"]
