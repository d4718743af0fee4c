"""Rows come in windows: what is looked at and some around it, however long the list."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from runforge.queue import priority
from runforge.tui.feed import Feed
from runforge.tui.job_table import JobTable
from runforge.views.queue_snapshot import QueueReader
from runforge.workspace import Workspace

from .kit import Looker, enqueue, jobs_of, look

pytestmark = pytest.mark.slow

_MANY = 1_000


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each reading asked for."""
    counts: list[int] = []
    rows = QueueReader.rows

    def counted(reader: QueueReader, places: Sequence[int], *more: Any) -> Any:
        counts.append(len(places))
        return rows(reader, places, *more)

    monkeypatch.setattr(QueueReader, "rows", counted)
    return counts


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """A feed that delivers the first rows and never hears of others."""
    monkeypatch.setattr(Feed, "look_at", lambda *_: None)


def table(at: Looker) -> JobTable:
    return at.app.screen.query_one("#jobs", JobTable)


async def row_is(at: Looker, ending: str) -> None:
    await at.until(lambda: ending in at.text and "…\n" not in at.text, f"{ending} without placeholders")


def test_scrolling_reads_no_more_than_windows(ws: Workspace, reads: list[int]) -> None:
    enqueue(ws, runs=_MANY)

    async def journey(at: Looker) -> None:
        await row_is(at, "0001")
        for _ in range(20):
            await at.press("pagedown")
        await at.press("G")
        await row_is(at, "1000")
        table(at).scroll_to(y=_MANY // 2, animate=False)
        await at.until(lambda: "-05" in at.text, "the middle")
        await at.press("g")
        await row_is(at, "0001")

    look(ws, journey)
    assert 3 <= len(reads) <= 40
    assert max(reads) <= 101


def test_a_change_at_many_jobs_reads_the_window_alone(ws: Workspace, reads: list[int]) -> None:
    enqueue(ws, runs=_MANY)

    async def journey(at: Looker) -> None:
        await row_is(at, "0001")
        await at.press("G", "k")
        await row_is(at, "1000")
        reads.clear()
        priority.shift_priority(ws, [group.group_id for group in at.app.snapshot.groups], 3)
        await at.until(lambda: (job := table(at).job_at_cursor()) and job.priority == 3, "the new priority")
        assert table(at).job_at_cursor().run_id.endswith("0999")

    look(ws, journey)
    assert 1 <= len(reads) <= 4
    assert max(reads) <= 101


def test_rows_on_their_way_are_a_quiet_placeholder(ws: Workspace, silent: None) -> None:
    del silent
    enqueue(ws, runs=_MANY)

    async def journey(at: Looker) -> None:
        await row_is(at, "0001")
        await at.press("G")
        await at.until(lambda: any(line.strip() == "…" for line in at.lines), "placeholders")
        await at.press("g")
        await row_is(at, "0001")

    look(ws, journey)


def test_old_rows_stay_while_newer_ones_are_on_their_way(ws: Workspace, silent: None) -> None:
    del silent
    enqueue(ws, runs=_MANY)

    async def journey(at: Looker) -> None:
        await row_is(at, "0001")
        await at.press("j", "j")
        cursor = table(at).job_at_cursor()
        assert cursor is not None
        # It goes to the end of the list, of which no window will come.
        priority.shift_priority(ws, [cursor.run_id], -5)
        await at.until(lambda: table(at).cursor == _MANY - 1, "the cursor went along")
        assert table(at).job_at_cursor().run_id == cursor.run_id
        assert cursor.run_id[-10:] in at.text

    look(ws, journey)


def test_a_key_typed_ahead_of_the_rows_acts_on_the_right_job(ws: Workspace, silent: None) -> None:
    del silent
    enqueue(ws, runs=_MANY)

    async def journey(at: Looker) -> None:
        await row_is(at, "0001")
        await at.press("G", "x")
        await at.sees("canceled 1 run")

    look(ws, journey)
    assert [run for run, job in jobs_of(ws).items() if job.state == "canceled"] == ["1000"]


def test_marks_far_apart_are_acted_on_together(ws: Workspace) -> None:
    enqueue(ws, runs=_MANY)

    async def journey(at: Looker) -> None:
        await row_is(at, "0001")
        await at.press("space", "G", "v")
        await at.sees("1,000 marked")
        await at.press("plus")
        await at.sees("priority raised for 1000 runs")

    look(ws, journey)
