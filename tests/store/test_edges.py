"""What waits for what: edges are met or lost in the transaction that ends the parent, and come back with it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runforge import clock
from runforge.core.outcome import Ending
from runforge.core.resources import Resources
from runforge.core.states import Cause, State
from runforge.errors import InvalidRequest, OperationFailed
from runforge.queue import cancel, retry
from runforge.store import edges, forgetting, transitions, verify
from runforge.store.failures import IllegalTransition
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit, on, on_group

OK, FAIL, CANCEL = State.SUCCEEDED, State.FAILED, State.CANCELED


@pytest.fixture
def kit(bare_ws: Workspace) -> Iterator[Kit]:
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        yield Kit(journal)
    assert verify.check(bare_ws) == []


@pytest.mark.parametrize(
    ("condition", "ending", "expected"),
    [
        *[("ok", OK, "q"), ("ok", FAIL, "c"), ("ok", CANCEL, "c")],
        *[("fail", OK, "c"), ("fail", FAIL, "q"), ("fail", CANCEL, "c")],
        *[("any", OK, "q"), ("any", FAIL, "q"), ("any", CANCEL, "q")],
    ],
)
def test_a_condition_holds_or_never_can_once_the_parent_has_ended(
    kit: Kit, condition: str, ending: State, expected: str
) -> None:
    kit.job("p")
    kit.job("c", on("p", condition))
    assert kit.get("c").blockers == 1
    with pytest.raises(IllegalTransition):
        kit.claim("c")
    kit.claim("p")
    assert kit.states("c") == "q"
    kit.end("p", ending)
    child = kit.get("c")
    assert (str(child.state)[0], child.blockers) == (expected, int(expected == "c"))
    assert child.cause == (Cause.DEPENDENCY if expected == "c" else None)
    if expected == "q":
        kit.claim("c")


def test_any_wants_a_parent_that_had_started(kit: Kit) -> None:
    kit.job("p", name="prep")
    kit.job("c", on("p", "any"))
    kit.cancel("p")
    assert kit.get("c").error == "not started: run 1 (prep) was canceled before it started"


def test_all_parents_must_hold_and_the_first_that_cannot_decides(kit: Kit) -> None:
    for name in ("a", "b", "c"):
        kit.job(name)
    kit.job("d", on("a"), on("b", "any"), on("c", "fail"))
    kit.run("a")
    kit.run("b", FAIL)
    assert (kit.states("d"), kit.get("d").blockers) == ("q", 1)
    kit.run("c")
    assert kit.get("d").error == "not started: run 3 succeeded, and only its failure was waited for"


def test_what_waits_for_a_child_that_cannot_start_is_canceled_too_and_is_told_what_failed_first(
    kit: Kit,
) -> None:
    kit.job("p", name="prep")
    kit.job("c", on("p"))
    kit.job("d", on("c"))
    kit.job("e", on("d", "any"))
    kit.job("alarm", on("p", "fail"))
    kit.run("p", FAIL)
    assert kit.states("c", "d", "e", "alarm") == "cccq"
    assert {kit.get(name).error for name in "cde"} == {"not started: run 1 (prep) failed"}


def test_a_parent_that_goes_back_to_the_queue_has_not_failed(kit: Kit) -> None:
    kit.job("p")
    kit.job("c", on("p"))
    kit.claim("p")
    running = kit.get("p")
    with kit.journal.write() as tx:
        transitions.requeue(tx, running, Ending(State.QUEUED, Cause.LOST, "lost"), clock.now())
    assert kit.states("c") == "q"
    kit.run("p")
    assert kit.get("c").blockers == 0


@pytest.mark.parametrize(
    ("ends", "ok", "fail", "any_"),
    [("ss", "q", "c", "q"), ("sf", "c", "q", "q"), ("sc", "c", "c", "q"), ("fc", "c", "q", "q")],
)
def test_a_group_counts_when_it_settles(kit: Kit, ends: str, ok: str, fail: str, any_: str) -> None:
    kit.group("g")
    kit.job("one", group="g")
    kit.job("two", group="g")
    for condition in ("ok", "fail", "any"):
        kit.job(condition, on_group("g", condition))
    letters = {"s": OK, "f": FAIL, "c": CANCEL}
    kit.run("one", letters[ends[0]])
    assert kit.states("ok", "fail", "any") == "qqq"
    assert kit.get("ok").blockers == 1
    kit.run("two", letters[ends[1]])
    assert kit.states("ok", "fail", "any") == ok + fail + any_


def test_an_open_group_does_not_settle(kit: Kit) -> None:
    kit.group("g")
    kit.job("one", group="g")
    kit.job("c", on_group("g", "any"))
    kit.journal.connection.execute("UPDATE groups SET is_open = 1")
    kit.run("one")
    assert kit.get("c").blockers == 1
    with kit.journal.write() as tx:
        kit.journal.connection.execute("UPDATE groups SET is_open = 0")
        transitions.settle(tx, "g", clock.now())
    assert kit.get("c").blockers == 0


def test_a_group_that_fails_fast_settles_in_the_same_transaction(kit: Kit) -> None:
    kit.group("g", fail_fast=True)
    for name in ("one", "two", "three"):
        kit.job(name, group="g")
    kit.job("after", on("two", "any"))
    kit.job("cleanup", on_group("g", "fail"))
    kit.job("next", on_group("g"))
    kit.run("one", FAIL)
    assert kit.states("two", "three", "after", "cleanup", "next") == "cccqc"
    assert kit.get("two").cause == Cause.GROUP_FAILED_FAST
    assert kit.get("next").error == "not started: of the 3 runs of group g, 1 failed and 2 canceled"


# --- when the edges are made -----------------------------------------------------------------------


def test_a_parent_that_has_ended_as_asked_is_no_blocker(kit: Kit) -> None:
    kit.job("p")
    kit.run("p")
    assert kit.job("c", on("p")).blockers == 0
    assert kit.job("d", on("p", "any")).blockers == 0


def test_a_parent_that_has_ended_otherwise_is_refused_and_nothing_is_queued(kit: Kit) -> None:
    kit.job("p", name="prep")
    kit.run("p", FAIL)
    with pytest.raises(OperationFailed, match=r"run 1 \(prep\) has failed already.*`runforge retry 1`"):
        kit.job("c", on("p"))
    kit.group("g")
    kit.job("m", group="g")
    kit.run("m", FAIL)
    with pytest.raises(
        OperationFailed, match="group g has ended already; of the 1 runs of group g, 1 failed"
    ):
        kit.job("c", on_group("g"))
    kit.group("empty")
    with pytest.raises(OperationFailed, match="group empty has no run to wait for"):
        kit.job("c", on_group("empty"))
    with pytest.raises(OperationFailed, match="no run 'nobody' to wait for"):
        kit.job("c", on("nobody"))
    with kit.journal.read() as tx:
        assert len(tx.rows("jobs.all")) == 2


def test_runs_never_wait_in_a_circle(kit: Kit) -> None:
    kit.group("g")
    kit.job("a")
    kit.job("b", on("a"))
    kit.job("c", on("b"), group="g")
    kit.job("after", on_group("g"))
    with pytest.raises(InvalidRequest, match="run 1 cannot wait for run 3, which waits for it already"):
        kit.depend("a", on("c"))
    with pytest.raises(InvalidRequest, match="run 1 cannot wait for group g"):
        kit.depend("a", on_group("g"))
    with pytest.raises(InvalidRequest, match="cannot wait for itself"):
        kit.depend("a", on("a"))
    with pytest.raises(InvalidRequest, match="run 3 cannot wait for its own group g"):
        kit.depend("c", on_group("g"))
    with pytest.raises(InvalidRequest, match="run 5 cannot wait for run 4"):
        kit.job("member", on("after"), group="g")  # the group could never settle
    kit.depend("after", on("a"))
    assert kit.get("after").blockers == 2
    kit.run("a")
    with pytest.raises(OperationFailed, match="succeeded, so it waits for nothing"):
        kit.depend("a", on("c"))


# --- the way back ----------------------------------------------------------------------------------


def test_a_parent_that_is_retried_brings_back_what_was_canceled_because_of_it(kit: Kit) -> None:
    for name in ("p", "q"):
        kit.job(name)
    kit.job("left", on("p"))
    kit.job("right", on("p"), on("q"))
    kit.job("join", on("left"), on("right"))
    kit.job("by_hand", on("p"))
    kit.cancel("by_hand")
    kit.run("p", FAIL)
    assert kit.states("left", "right", "join", "by_hand") == "cccc"
    kit.run("q")  # a canceled child hears of it too
    kit.retry("p")
    assert kit.states("p", "left", "right", "join", "by_hand") == "qqqqc"
    assert [kit.get(name).blockers for name in ("left", "right", "join")] == [1, 1, 2]
    assert kit.get("left").attempt == 2
    kit.run("p")
    kit.run("left")
    kit.run("right")
    assert kit.get("join").blockers == 0


def test_what_a_person_cancels_together_was_not_canceled_in_vain(kit: Kit, bare_ws: Workspace) -> None:
    kit.job("p")
    kit.job("c", on("p"))
    kit.job("d", on("c"))
    assert cancel.cancel_runs(bare_ws, ["p", "c", "c"]).canceled_queued == 2
    assert [kit.get(name).cause for name in "pcd"] == ["canceled", "canceled", "dependency"]
    outcome = retry.retry(bare_ws, ["c"])
    assert (outcome.changed, len(outcome.skipped)) == ([], 1)
    outcome = retry.retry(bare_ws, ["c", "p"])
    assert [job.job_id for job in outcome.changed] == ["p", "c", "d"]


def test_a_child_of_two_that_failed_comes_back_with_the_last_of_them(kit: Kit) -> None:
    kit.job("p")
    kit.job("q")
    kit.job("c", on("p"), on("q"))
    kit.run("p", FAIL)
    kit.run("q", FAIL)
    kit.retry("p")
    assert kit.states("c") == "c"
    kit.retry("q")
    assert (kit.states("c"), kit.get("c").blockers) == ("q", 2)


def test_a_parent_that_is_retried_alone_leaves_its_children(kit: Kit) -> None:
    kit.job("p")
    kit.job("c", on("p"))
    kit.run("p", FAIL)
    kit.retry("p", alone=True)
    assert kit.states("c") == "c"
    kit.run("p")
    kit.retry("c")
    assert kit.get("c").blockers == 0


def test_a_run_of_a_group_that_is_retried_brings_back_what_waits_for_the_group(kit: Kit) -> None:
    kit.group("g")
    kit.job("one", group="g")
    kit.job("two", group="g")
    kit.job("c", on_group("g"))
    kit.run("one", FAIL)
    kit.run("two", OK)
    assert kit.states("c") == "c"
    kit.retry("one")
    assert (kit.states("c"), kit.get("c").blockers) == ("q", 1)
    kit.run("one")
    assert kit.get("c").blockers == 0


def test_a_child_whose_parent_is_still_failed_is_not_retried_and_says_what_is(
    kit: Kit, bare_ws: Workspace
) -> None:
    kit.job("p", name="prep")
    kit.job("c", on("p"))
    kit.job("d", on("c"))
    kit.run("p", FAIL)
    with pytest.raises(
        OperationFailed, match=r"run 3 cannot be queued again: run 1 \(prep\) failed.*`runforge retry 1`"
    ):
        kit.retry("d")
    assert kit.states("d") == "c"
    outcome = retry.retry(bare_ws, ["d", "c"])
    assert (outcome.changed, [job.job_id for job, _ in outcome.skipped]) == ([], ["d", "c"])
    outcome = retry.retry(bare_ws, ["d", "c", "p"], alone=True)
    assert sorted(job.job_id for job in outcome.changed) == ["c", "d", "p"]
    assert kit.states("p", "c", "d") == "qqq"


def test_no_circle_comes_back_by_retries(kit: Kit) -> None:
    kit.job("a")
    kit.job("b", on("a", "any"))
    kit.run("a", FAIL)
    kit.run("b", FAIL)
    kit.retry("a")
    kit.depend("a", on("b", "any"))  # it has ended, so this is met
    kit.retry("b")
    assert [kit.get(name).blockers for name in "ab"] == [0, 0]


def test_nobody_waits_for_a_run_or_group_that_is_forgotten(kit: Kit) -> None:
    kit.group("g")
    kit.job("m", group="g")
    kit.job("p")
    kit.job("c", on("p"), on_group("g"))
    kit.run("p", FAIL)
    kit.run("m", FAIL)
    ended = [kit.get("p"), kit.get("m")]
    with kit.journal.write() as tx:
        assert forgetting.forget(tx, ended, clock.now()) == ["g"]
    kit.retry("c")
    assert kit.get("c").blockers == 0
    with kit.journal.read() as tx:
        assert edges.of_job(tx, "c") == []


def test_a_parent_is_not_deleted_under_the_children_that_wait(kit: Kit) -> None:
    kit.job("p")
    kit.job("c", on("p"))
    kit.run("p")
    ended = kit.get("p")
    with kit.journal.write() as tx:
        forgetting.forget(tx, [ended], clock.now())
    assert kit.get("c").blockers == 0


# --- many ------------------------------------------------------------------------------------------


def test_a_long_chain_and_a_wide_fan_end_in_one_transaction(kit: Kit) -> None:
    many = 3000  # above every limit on recursion
    with kit.journal.write() as tx:
        values = {"group_id": None, "lane_id": 1, "run_dir": "x", "overrides": "{}", "priority": 0}
        more = {"dry_run_seconds": None, "now": clock.now()}
        for number in range(many):
            for kind in ("chain", "wide"):
                name = f"{kind}{number}"
                transitions.enqueue(tx, Resources(), job_id=name, run_id=name, **values, **more)
                parent = "wide0" if kind == "wide" else f"chain{number - 1}"
                if number:
                    transitions.depend(tx, name, [on(parent)])
    kit.run("chain0", FAIL)
    kit.run("wide0")
    with kit.journal.read() as tx:
        counted = {row["state"]: row["jobs"] for row in tx.rows("jobs.count_by_lane")}
        blocked = [row for row in tx.rows("jobs.all") if row["state"] == "queued" and row["blockers"]]
    assert counted == {"failed": 1, "canceled": many - 1, "succeeded": 1, "queued": many - 1}
    assert blocked == []
