"""Estimates in the columns of the queue and of the groups."""

from __future__ import annotations

import threading

import pytest

from runforge import clock
from runforge.store.opening import open_journal
from runforge.tui import feed
from runforge.views import estimates
from runforge.workspace import Workspace

from .kit import WIDE, Looker, lived, look

pytestmark = pytest.mark.slow


def lasted(ws: Workspace, hours: float) -> None:
    """Let the runs that have succeeded have taken so long."""
    with open_journal(ws) as journal, journal.write() as tx:
        row = tx.rows("groups.all")[0]
        for job in tx.rows("jobs.of_group", group_id=row["group_id"]):
            if job["state"] == "succeeded":
                start = clock.later(job["finished_at"], -3600.0 * hours)
                journal.connection.execute("UPDATE jobs SET started_at=? WHERE seq=?", (start, job["seq"]))


def line(at: Looker, *words: str) -> str:
    return next((each for each in at.lines if all(word in each for word in words)), "")


def test_waiting_runs_and_groups_have_the_time_until_their_end(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(ws)
    lasted(ws, 3.0)
    threads: set[str] = set()
    made = estimates.outlook

    def outlook(*values: object) -> estimates.Outlook:
        threads.add(threading.current_thread().name)
        return made(*values)  # type: ignore[arg-type]

    monkeypatch.setattr(estimates, "outlook", outlook)

    async def journey(at: Looker) -> None:
        await at.until(lambda: "~" in line(at, "0008", "queued"), "a queued run has its time left")
        await at.until(lambda: "~" in line(at, "lr search", "4/8"), "a group has its time left")
        assert threads == {"runforge-feed"}

    look(ws, journey, size=WIDE)


def test_a_very_long_queue_has_the_older_guess(ws: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    lived(ws)
    lasted(ws, 3.0)
    monkeypatch.setattr(feed, "_MOST_ESTIMATED", 3)

    async def journey(at: Looker) -> None:
        await at.until(lambda: "~" in line(at, "lr search", "4/8"), "a group has a guess")
        assert at.app.ahead == feed.Ahead()
        assert "~" not in line(at, "0008", "queued")

    look(ws, journey, size=WIDE)
