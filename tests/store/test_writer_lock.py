"""Every change of the journal waits for the writers' lock; a checkpoint counts as a change."""

from __future__ import annotations

import os

import pytest

from runforge.store.failures import JournalBusy
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.tui.kit import enqueue


def test_a_checkpoint_waits_for_the_writers_lock(ws: Workspace) -> None:
    enqueue(ws, runs=1)
    with open_journal(ws) as other, open_journal(ws) as journal:
        with other.write() as tx:  # so that there is something to fold back
            tx.run("journal.set_wanted", wanted="drain", drain_until=None)
        journal.give_up = lambda: True
        with other.locked(), pytest.raises(JournalBusy):
            journal.checkpoint()
        assert os.stat(f"{ws.journal}-wal").st_size > 0
        journal.checkpoint()
        assert os.stat(f"{ws.journal}-wal").st_size == 0


def test_a_write_waits_for_the_writers_lock(ws: Workspace) -> None:
    with open_journal(ws, create=True) as other, open_journal(ws) as journal:
        journal.give_up = lambda: True
        with other.locked(), pytest.raises(JournalBusy), journal.write():
            pass
        with journal.write():
            pass
