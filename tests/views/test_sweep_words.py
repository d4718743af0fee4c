"""Why a sweep makes no more trials is said wherever its group is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runforge.store.opening import open_journal
from runforge.views import lists, why, why_words
from runforge.views.labels import sweep_words
from runforge.workspace import Workspace
from tests.tui.sweeps import GRID, queue


def ended(ws: Workspace, reason: str, made: int, wanted: int) -> str:
    """Queue a sweep that makes no more trials; return its group's id."""
    group_id = queue(ws, GRID)
    with open_journal(ws) as journal, journal.write():
        journal.connection.execute(
            "UPDATE sweeps SET ended=?, made=?, wanted=? WHERE group_id=?", (reason, made, wanted, group_id)
        )
    return group_id


def test_an_exhausted_space_is_said_by_show_why_and_groups(ws: Workspace, cli: Any) -> None:
    group_id = ended(ws, "space exhausted", 2, 10)
    said = "space exhausted, 2 of 10 trials are made"
    (group,) = lists.groups(ws)
    assert (sweep_words(group), sweep_words(group, is_short=True)) == (said, "space exhausted: 2/10")
    (answer,) = why.why(ws, [group_id])
    assert f"  {said}" in why_words.lines(answer)
    assert any(said in line for line in why_words.lines(why.why(ws, [])[0]))
    assert f"lm: {said}" in cli("groups", "-w", str(ws.root)).stderr
    assert f"({said})" in cli("show", "lm", "-w", str(ws.root)).stdout
    shown = json.loads(cli("show", "1", "--json", "-w", str(ws.root)).stdout)
    assert shown["data"]["sweep_ended"] == said
    found = json.loads(cli("groups", "--json", "-w", str(ws.root)).stdout)["data"][0]
    assert (found["sweep_ended"], found["sweep_made"], found["sweep_wanted"]) == ("space exhausted", 2, 10)


@pytest.mark.parametrize(("made", "wanted"), [(0, 0), (20, 20)])
def test_a_target_that_was_reached_needs_no_numbers(ws: Workspace, made: int, wanted: int) -> None:
    ended(ws, "target reached", made, wanted)
    (group,) = lists.groups(ws)
    assert sweep_words(group) == "target reached"


def test_a_sweep_that_goes_on_says_nothing(ws: Workspace, cli: Any) -> None:
    queue(ws, GRID)
    (group,) = lists.groups(ws)
    assert sweep_words(group) == ""
    assert json.loads(cli("show", "1", "--json", "-w", str(ws.root)).stdout)["data"]["sweep_ended"] is None
