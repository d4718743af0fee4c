"""A run's history in words."""

from __future__ import annotations

import pytest

from runforge import clock
from runforge.cli import timeline

_AT = "2026-11-26T13:00:00.000Z"
_NO_GATE = {"held": 0, "blockers": 0, "delayed": 0, "not_before": None}


@pytest.mark.parametrize(
    ("event", "detail", "said"),
    [
        ("claimed", {}, "claimed"),
        ("edited", {"version": 2}, "request changed"),
        ("priority_set", {"priority": 4}, "priority 4"),
        ("thawed", {"frozen_at": None}, "goes on"),
        ("yield_requested", {"yield_requested": 1}, "asked to yield"),
        ("yield_requested", {"yield_requested": 2}, "asked to yield, held then"),
        ("yields_counted", {"yields": 3, "idle_yields": 0}, "yielded, 3 so far"),
        (
            "yields_counted",
            {"yields": 3, "idle_yields": 2},
            "yielded, 3 so far, 2 in a row without a new step",
        ),
        ("gates_set", _NO_GATE, "may start"),
        ("gates_set", {**_NO_GATE, "held": 1, "blockers": 2}, "held, waits for others"),
        ("waits_for", {"kind": "run", "parent": "job_1", "condition": "any"}, "waits for a run to end"),
        (
            "waits_no_more",
            {"kind": "group", "parent": "grp_1", "condition": "ok"},
            "waits no more for a group to succeed",
        ),
    ],
)
def test_each_entry_is_told_in_words(event: str, detail: dict[str, object], said: str) -> None:
    (line,) = timeline.lines([{"at": _AT, "event": event, "detail": detail}])
    assert line.endswith(f"  {said}")


def test_a_start_time_is_told() -> None:
    detail = {**_NO_GATE, "delayed": 1, "not_before": _AT}
    (line,) = timeline.lines([{"at": _AT, "event": "gates_set", "detail": detail}])
    assert line.endswith(f"  not before {clock.local(_AT)}")
