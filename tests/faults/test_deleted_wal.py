"""The journal's -wal and -shm files are deleted while in use: nothing is lost, all use the same files."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from gauntlets.arena import Arena
from runforge import clock
from runforge import workspace as workspaces
from runforge.store import opening
from runforge.store.failures import JournalBusy
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.views.queue_snapshot import JobQuery, QueueReader
from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.tui.kit import enqueue

pytestmark = pytest.mark.slow

WHICH = [("-wal",), ("-shm",), ("-wal", "-shm")]


def delete(workspace: Workspace, which: tuple[str, ...]) -> None:
    for suffix in which:
        Path(f"{workspace.journal}{suffix}").unlink()


def runs_of(workspace: Workspace) -> int:
    with open_journal(workspace) as journal, journal.read() as tx:
        assert journal.connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        return len(tx.rows("jobs.all"))


@pytest.mark.parametrize("which", WHICH)
def test_a_daemon_puts_it_right_and_commands_wait_for_that(here: Arena, which: tuple[str, ...]) -> None:
    daemon = here.daemon(1)
    first = here.sweep(3, name="first", seconds=0.1)
    here.until_ended(first, "completed")
    delete(workspaces.at(here.root), which)
    second = here.sweep(3, name="second", seconds=0.1)
    here.until_ended(second, "completed")
    assert runs_of(workspaces.at(here.root)) == 6
    assert daemon.poll() is None
    assert {job["attempt"] for group in (first, second) for job in here.jobs(group)} == {1}
    assert "was deleted under the daemon" in here.said(daemon)


@pytest.mark.parametrize("which", WHICH)
def test_writers_that_had_the_journal_open_lose_nothing(ws: Workspace, which: tuple[str, ...]) -> None:
    group_id = enqueue(ws, runs=2)

    def pause(journal: Journal, is_paused: int) -> None:
        with journal.write() as tx:
            tx.run("groups.set_paused", group_id=group_id, is_paused=is_paused, now=clock.now())

    with open_journal(ws) as one, open_journal(ws) as other, open_journal(ws) as third:
        pause(one, 1)
        pause(other, 0)
        delete(ws, which)
        pause(third, 1)
        with open_journal(ws) as late:  # opened after the deletion: it must see, and be seen by, the others
            pause(late, 0)
            pause(one, 1)
            pause(other, 0)
            pause(third, 1)
            entries = [events(journal) for journal in (one, other, third, late)]
    assert entries[0].count("group_paused") == 4
    assert entries[0].count("group_resumed") == 3
    assert all(seen == entries[0] for seen in entries)
    with open_journal(ws) as afterwards:
        assert events(afterwards) == entries[0]
    assert runs_of(ws) == 2


def events(journal: Journal) -> list[str]:
    with journal.read() as tx:
        return [row["event"] for row in tx.rows("journal.entries_all")]


def test_a_screen_goes_on_with_the_new_files(ws: Workspace) -> None:
    enqueue(ws, runs=2)
    reader = QueueReader(ws)
    with open_journal(ws) as journal:
        assert reader.snapshot(JobQuery()).counts["queued"] == 2
        delete(ws, ("-wal", "-shm"))
        journal.reattach()
        enqueue(ws, runs=3)
        assert reader.snapshot(JobQuery()).counts["queued"] == 5
    reader.close()


def test_a_daemon_that_cannot_put_it_right_is_not_written_past(
    here: Arena, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon = here.daemon(1)
    here.until_ended(here.sweep(2, name="first", seconds=0.1), "completed")
    monkeypatch.setattr(opening, "MEND_SECONDS", 0.3)
    os.kill(daemon.pid, signal.SIGSTOP)
    try:
        delete(workspaces.at(here.root), ("-wal", "-shm"))
        with pytest.raises(JournalBusy, match=f"pid {daemon.pid}") as refused:
            open_journal(workspaces.at(here.root))
        assert "Do not kill the daemon" in str(refused.value)
    finally:
        os.kill(daemon.pid, signal.SIGCONT)
    wait_until(lambda: "was deleted under the daemon" in here.said(daemon), "the daemon has put it right")
    assert runs_of(workspaces.at(here.root)) == 2
