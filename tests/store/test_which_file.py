"""Which file the journal is: what cannot be seen now is not taken for another file, or for none."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from runforge.store import which_file
from runforge.store.opening import open_journal
from runforge.workspace import Workspace


def _refuse(monkeypatch: pytest.MonkeyPatch, call: str, name: str) -> None:
    """Have a call fail on files with this name, as a disk does."""
    really = getattr(os, call)

    def refusing(path: Any, *arguments: Any, **options: Any) -> Any:
        if not isinstance(path, int) and Path(os.fsdecode(path)).name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return really(path, *arguments, **options)

    monkeypatch.setattr(os, call, refusing)


def test_a_journal_that_cannot_be_looked_at_now_was_not_replaced(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(ws, create=True) as journal:
        assert not journal.is_replaced()
        _refuse(monkeypatch, "stat", ws.journal.name)
        with pytest.raises(OSError, match="Input/output"):
            journal.is_replaced()


def test_a_wal_that_cannot_be_looked_at_now_was_not_deleted(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(ws, create=True) as journal:
        assert not journal.is_detached()
        _refuse(monkeypatch, "stat", f"{ws.journal.name}-wal")
        with pytest.raises(OSError, match="Input/output"):
            journal.is_detached()


def test_a_note_that_cannot_be_read_now_is_not_taken_for_none(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_journal(ws, create=True) as journal, journal.write():
        pass
    before = ws.journal.read_bytes()
    ws.journal.with_name("other").write_bytes(before)
    os.replace(ws.journal.with_name("other"), ws.journal)
    assert which_file.is_other(ws)
    _refuse(monkeypatch, "open", ws.write_lock.name)
    with pytest.raises(OSError, match="Input/output"):
        which_file.require_same(ws)
