"""Failures that are the same have the same signature, and others have not."""

from __future__ import annotations

import pytest

from runforge.core import failure_tail, guards, signature
from runforge.core.outcome import Ending
from runforge.core.states import Cause, State
from tests.core.tails import TAILS, python

FAILED = Ending(State.FAILED, Cause.EXIT, "exit code 1", exit_code=1)


def of(log: str, ending: Ending = FAILED) -> str | None:
    return signature.of(ending, failure_tail.told(log.splitlines()))


@pytest.mark.parametrize(("log", "words"), TAILS)
def test_what_the_end_of_a_log_says(log: str, words: str) -> None:
    assert of(log) == f"exit 1: {words}"
    assert guards.words_of(of(log) or "") == words


def test_the_same_fault_in_two_folders_is_equal_and_another_module_is_not() -> None:
    first = python("ModuleNotFoundError: No module named 'foo'", "/home/eve/a/t.py:3:main")
    again = python("ModuleNotFoundError: No module named 'foo'", "/tmp/run-17/t.py:90:main")
    other = python("ModuleNotFoundError: No module named 'bar'", "/home/eve/a/t.py:3:main")
    elsewhere = python("ModuleNotFoundError: No module named 'foo'", "/home/eve/a/t.py:3:evaluate")
    assert of(first) == of(again)
    assert len({of(first), of(other), of(elsewhere)}) == 3


@pytest.mark.parametrize(
    ("one", "same"),
    [
        ("ValueError: step 12 of 300 at 1e-05", "ValueError: step 7 of 300 at 0.5"),
        ("ValueError: shape (3, 4, 5)", "ValueError: shape (3, 4)"),
        ("KeyError: '20261123-174411-sweep-0001'", "KeyError: '20261124-000001-sweep-0317'"),
        ("OSError: /a/b/c.pt is torn", "OSError: ./ckpt/9.pt is torn"),
        ("ValueError: id 0f3a9c77b1", "ValueError: id 77aa01c9ee"),
        (
            "ValueError: 6f1c1f0e-0000-4c3a-9d5e-1a2b3c4d5e6f",
            "ValueError: aaaaaaaa-1111-4c3a-9d5e-ffffffffffff",
        ),
    ],
)
def test_numbers_addresses_and_paths_make_no_difference(one: str, same: str) -> None:
    assert of(python(one)) == of(python(same))


@pytest.mark.parametrize(
    "other",
    [
        FAILED._replace(exit_code=2),
        FAILED._replace(cause=Cause.OOM),
        Ending(State.FAILED, Cause.SIGNAL, "killed", signal=11),
        Ending(State.FAILED, Cause.TIMEOUT, "time limit of 1h reached", signal=15),
    ],
)
def test_another_end_is_another_failure(other: Ending) -> None:
    log = python("ValueError: bad")
    assert of(log, other) != of(log)


@pytest.mark.parametrize(
    "ending",
    [
        Ending(State.SUCCEEDED, Cause.EXIT, exit_code=0),
        Ending(State.CANCELED, Cause.CANCELED, "canceled"),
        Ending(State.FAILED, Cause.LOST, "its process ended unseen"),
        Ending(State.FAILED, Cause.REBOOT, "the machine was restarted"),
        Ending(State.QUEUED, Cause.POSTPONED, "no room"),
    ],
)
def test_what_is_not_the_runs_own_failure_has_none(ending: Ending) -> None:
    assert of(python("ValueError: bad"), ending) is None


def test_without_a_log_the_end_alone_counts() -> None:
    assert of("") == "exit 1"
    assert guards.words_of("exit 1") == "exit 1"
    refused = Ending(State.FAILED, Cause.SPAWN_FAILED, "could not be started: trian: no such program")
    assert of("", refused) == "spawn_failed: could not be started: trian: no such program"


def test_a_very_long_line_is_cut() -> None:
    assert len(of(python(f"ValueError: {'x ' * 9000}")) or "") < 300
