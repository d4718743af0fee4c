"""What the accounts say of jobs that Slurm's list has no more: real answers (Slurm 22.05), and how they are asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from runforge.backends.slurm import listing
from runforge.backends.slurm.accounts import Accounts
from runforge.backends.slurm.commands import Answer
from runforge.backends.slurm.listing import Row

#: A job that ended well, one with exit code 3, one out of memory without cgroups, one that was canceled while it ran, two
#: whose node failed, one over its time limit, one that a killed controller has forgotten, and a name with two jobs. One
#: that was canceled before it had a node is not among them: the accounts show what was once eligible.
ANSWER = """\
1|COMPLETED|None|n1|rf-x-done.1
2|FAILED|None|n1|rf-x-failed.1
3|CANCELLED by 1000|None|n1|rf-x-cancel.1
5|FAILED|None|n1|rf-x-oom.1
7|NODE_FAIL|None|n3|rf-x-node.1
8|TIMEOUT|None|n3|rf-x-time.1
12|RUNNING|None|n2|rf-x-forgotten.1
9|CANCELLED by 0|None|n3|rf-x-twice.1
10|NODE_FAIL|None|n3|rf-x-twice.1
"""
_DOWN = """\
sacct: error: slurm_persist_conn_open_without_init: failed to open persistent connection to host:n0:6819: Connection refused
sacct: error: Sending PersistInit msg: Connection refused
sacct: error: Problem talking to the database: Connection refused
"""
_NONE = "Slurm accounting storage is disabled\n"


class Lane:
    """Keeps what is asked, for a test that answers."""

    def __init__(self) -> None:
        self.asked: list[tuple[list[str], Any]] = []

    def ask(self, argv: list[str], done: Any) -> None:
        self.asked.append((argv, done))

    def answer(self, code: int | None, out: str = "", err: str = "") -> list[str]:
        """Answer what was asked last; return the names that it was asked for."""
        argv, done = self.asked[-1]
        done(Answer(code, out, err, 0.0))
        return argv[-1].removeprefix("--name=").split(",")


class Scene:
    def __init__(self) -> None:
        self.now = 100.0
        self.lane = Lane()
        self.found: dict[str, Row | None] = {}
        clock: Any = SimpleNamespace(monotonic=lambda: self.now)
        self.accounts = Accounts(self.lane, clock)  # type: ignore[arg-type]

    def want(self, *names: str) -> None:
        for name in names:
            self.accounts.look_up(name, lambda row, name=name: self.found.__setitem__(name, row))  # type: ignore[misc]
        self.accounts.step()


@pytest.mark.parametrize(
    ("name", "state", "is_over"),
    [
        ("done", "COMPLETED", True),
        ("failed", "FAILED", True),
        ("cancel", "CANCELLED", True),
        ("oom", "FAILED", True),
        ("node", "NODE_FAIL", True),
        ("time", "TIMEOUT", True),
        ("forgotten", "RUNNING", False),
    ],
)
def test_each_answer_is_a_row_as_of_the_list(name: str, state: str, is_over: bool) -> None:
    row = listing.parse(ANSWER)[f"rf-x-{name}.1"]
    assert (row.state, row.is_over, row.reason) == (state, is_over, "")


def test_of_two_jobs_of_a_name_that_counts_which_has_begun() -> None:
    assert listing.parse(ANSWER)["rf-x-twice.1"].job_id == "10"
    assert listing.parse(ANSWER, {"rf-x-twice.1": "9"})["rf-x-twice.1"].state == "CANCELLED"


def test_all_are_asked_for_together_and_no_more_than_every_half_minute() -> None:
    scene = Scene()
    scene.accounts.began = lambda: {"rf-x-twice.1": "9"}
    scene.want("rf-x-time.1", "rf-x-twice.1", "rf-x-unknown.1")
    scene.accounts.step()
    assert scene.accounts.wait_seconds() is None
    assert scene.lane.answer(0, ANSWER) == ["rf-x-time.1", "rf-x-twice.1", "rf-x-unknown.1"]
    assert scene.found == {
        "rf-x-time.1": Row("8", "TIMEOUT", "", "n3", "rf-x-time.1"),
        "rf-x-twice.1": Row("9", "CANCELLED", "", "n3", "rf-x-twice.1"),
        "rf-x-unknown.1": None,
    }
    assert scene.accounts.wait_seconds() is None
    scene.want("rf-x-done.1")
    assert len(scene.lane.asked) == 1
    assert scene.accounts.wait_seconds() == 30.0
    scene.now += 30.0
    scene.accounts.step()
    assert scene.lane.answer(0, ANSWER) == ["rf-x-done.1"]


def test_accounts_that_do_not_answer_are_asked_again_and_not_for_ever() -> None:
    scene = Scene()
    scene.want("rf-x-time.1")
    for _ in range(3):
        scene.lane.answer(1, err=_DOWN)
        assert not scene.found
        scene.now += 30.0
        scene.accounts.step()
    scene.lane.answer(0, ANSWER)
    assert scene.found["rf-x-time.1"] is not None
    scene.now += 30.0
    scene.want("rf-x-done.1")
    asked = len(scene.lane.asked)
    while "rf-x-done.1" not in scene.found:
        scene.lane.answer(None)
        scene.now += 30.0
        scene.accounts.step()
    assert scene.found["rf-x-done.1"] is None
    assert len(scene.lane.asked) - asked == 9


def test_where_there_are_no_accounts_they_are_asked_once() -> None:
    scene = Scene()
    scene.want("rf-x-time.1")
    scene.lane.answer(1, err=_NONE)
    assert scene.found == {"rf-x-time.1": None}
    scene.now += 30.0
    scene.want("rf-x-done.1")
    assert scene.found["rf-x-done.1"] is None
    assert len(scene.lane.asked) == 1
