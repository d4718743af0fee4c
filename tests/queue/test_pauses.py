"""Wishes of pauses: the journal first, then the files that a supervisor watches, whoever else changes them meanwhile."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge import failpoints
from runforge.core.states import State
from runforge.queue import cancel, pauses
from runforge.store import verify
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit


@pytest.fixture
def kit(bare_ws: Workspace) -> Iterator[Kit]:
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        made = Kit(journal)
        for name in "abc":
            made.job(name, is_resumable=1)
        made.claim("a", "b")
        yield made
    assert verify.check(bare_ws) == []


def folder(ws: Workspace, name: str) -> Path:
    found = ws.attempt_dir(name, 1)
    found.mkdir(parents=True, exist_ok=True)
    return found


def test_a_freeze_is_noted_and_left_and_a_thaw_takes_both_back(bare_ws: Workspace, kit: Kit) -> None:
    done = pauses.freeze(bare_ws, ["c", "a", "a"])
    assert [job.job_id for job in done.changed] == ["a"]
    assert [(job.job_id, reason) for job, reason in done.skipped] == [("c", "still queued")]
    assert kit.get("a").frozen_at is not None
    assert os.listdir(folder(bare_ws, "a")) == []  # the daemon was just launching it: it reads the journal
    pauses.thaw(bare_ws, ["a"])
    pauses.freeze(bare_ws, ["a", "b"])
    assert os.listdir(folder(bare_ws, "a")) == ["freeze"]
    pauses.thaw(bare_ws, ["a", "b"])
    assert os.listdir(folder(bare_ws, "a")) == []
    assert kit.get("a").frozen_at is None


def test_a_yield_takes_a_freeze_back_and_a_cancel_counts_above_all(bare_ws: Workspace, kit: Kit) -> None:
    place = folder(bare_ws, "a")
    pauses.freeze(bare_ws, ["a"])
    pauses.ask_to_yield(bare_ws, ["a"], is_held=True)
    assert (os.listdir(place), kit.get("a").frozen_at, kit.get("a").yield_requested) == (["yield"], None, 2)
    cancel.cancel_run(bare_ws, "a")
    assert pauses.freeze(bare_ws, ["a"]).changed == []
    kit.end("a", State.CANCELED)
    assert kit.get("a").yield_requested == 0


def test_two_commands_at_once_leave_what_the_journal_says(bare_ws: Workspace, kit: Kit) -> None:
    """Between the note of a freeze and its file, another command thaws: the file must not stay."""
    place = folder(bare_ws, "a")
    others = iter([lambda: pauses.thaw(bare_ws, ["a"])])

    def another_command(point: str) -> None:
        if point == "pause.noted":
            for act in others:
                act()

    with failpoints.observed(another_command):
        pauses.freeze(bare_ws, ["a"])
    assert kit.get("a").frozen_at is None
    assert os.listdir(place) == []


def test_a_yielded_run_stands_before_the_others_of_its_priority(kit: Kit) -> None:
    from tests.store.test_recovered_pauses import give_back

    kit.job("d", is_resumable=1)
    kit.job("urgent", priority=5)
    give_back(kit, "b", 1)
    give_back(kit, "a", 1)
    with kit.journal.read() as tx:
        order = [row["job_id"] for row in tx.rows("jobs.places", lane_id=1, priority=0)]
    assert order == ["a", "b", "c", "d"]
    assert kit.get("a").attempt == 2
