"""What each connection to the journal is set to."""

from __future__ import annotations

import pytest

from runforge.store.opening import open_journal, open_snapshot
from runforge.workspace import Workspace

#: FULL: a commit is on disk when it returns. The WAL is folded back under the writers' lock alone.
SETTINGS = {"synchronous": 2, "foreign_keys": 1, "wal_autocheckpoint": 0, "journal_mode": "wal"}


@pytest.mark.parametrize("opened", [open_journal, open_snapshot])
def test_a_commit_is_on_disk_and_nobody_folds_the_wal_back_unasked(ws: Workspace, opened: object) -> None:
    assert callable(opened)
    open_journal(ws, create=True).close()
    with opened(ws) as journal:
        found = {name: journal.connection.execute(f"PRAGMA {name}").fetchone()[0] for name in SETTINGS}
    assert found == SETTINGS
