"""The states of a job and of a group."""

from __future__ import annotations

from runforge.core.group_status import group_status
from runforge.core.states import TRANSITIONS, State


def test_no_terminal_state_becomes_succeeded() -> None:
    assert [old for old, new in TRANSITIONS if new is State.SUCCEEDED] == [State.RUNNING]


def test_group_status() -> None:
    none = {"queued": 0, "running": 0, "failed": 0, "canceled": 0, "is_open": False}
    assert group_status(**none, is_canceled=False) == "completed"
    assert group_status(**{**none, "failed": 1}, is_canceled=False) == "failed"
    assert group_status(**{**none, "failed": 1}, is_canceled=True) == "canceled"
    assert group_status(**{**none, "canceled": 2}, is_canceled=False, stopped=2) == "completed"
    assert group_status(**{**none, "canceled": 2}, is_canceled=False, stopped=1) == "canceled"
    assert group_status(**{**none, "queued": 1}, is_canceled=True) == "running"


def test_an_open_group_runs_until_it_is_canceled() -> None:
    idle = {"queued": 0, "running": 0, "failed": 1, "canceled": 0, "is_open": True}
    assert group_status(**idle, is_canceled=False) == "running"
    assert group_status(**idle, is_canceled=True) == "canceled"
