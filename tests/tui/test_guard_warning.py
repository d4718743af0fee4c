"""The bar tells of breakers that have paused groups, and of runs that give no sign of life."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from runforge import clock
from runforge.core.states import State
from runforge.queue import pause
from runforge.store.opening import open_journal
from runforge.tui.bars import guard_warning
from runforge.views.queue_snapshot import JobQuery, QueueReader
from runforge.workspace import Workspace
from tests.store.queue_kit import Kit


@pytest.fixture
def kit(bare_ws: Workspace) -> Iterator[Kit]:
    bare_ws.prepare()
    with open_journal(bare_ws, create=True) as journal:
        yield Kit(journal)


def said(kit: Kit) -> str:
    reader = QueueReader(kit.journal.workspace)
    try:
        return guard_warning(reader.snapshot(JobQuery()))
    finally:
        reader.close()


def trip(kit: Kit, group: str) -> None:
    kit.group(group)
    for number in range(6):
        kit.job(f"{group}{number}", group=group)
    for number in range(5):
        kit.claim(f"{group}{number}")
        kit.end(f"{group}{number}", State.FAILED, signature="exit 1: KeyError: 'lr'")


def test_nothing_is_said_while_all_is_well_or_a_person_has_paused_it(kit: Kit) -> None:
    kit.group("g")
    kit.job("a", group="g")
    pause.pause_group(kit.journal.workspace, "g")
    assert said(kit) == ""


def test_tripped_breakers_and_stalled_runs_are_named(kit: Kit) -> None:
    trip(kit, "lm")
    assert said(kit) == "lm is paused by its breaker: 5 x KeyError: 'lr'"
    kit.job("quiet")
    kit.claim("quiet")
    with kit.journal.write() as tx:
        now = clock.now()
        tx.run("jobs.set_stalled", job_id="quiet", attempt=1, stalled_at=now, now=now)
    assert said(kit).endswith("'lr'. No sign of life from 7")


def test_many_are_counted(kit: Kit) -> None:
    for name in "abcd":
        trip(kit, name)
    assert said(kit).endswith("2 more groups are paused by their breakers")
