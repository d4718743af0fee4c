"""What cannot be written or read for a while is told once, however often it is tried."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest

from runforge.daemon.housekeeping import Housekeeping
from runforge.store.opening import open_journal
from runforge.workspace import Workspace


def _refuse_replacing(monkeypatch: pytest.MonkeyPatch, name: str) -> list[str]:
    """Have every replacement of files with this name fail; return the temporary names that were tried."""
    really, tried = os.replace, []

    def refusing(source: Any, target: Any, **options: Any) -> None:
        if Path(target).name == name:
            tried.append(str(source))
            raise OSError(errno.EACCES, os.strerror(errno.EACCES), str(source), None, str(target))
        really(source, target, **options)

    monkeypatch.setattr(os, "replace", refusing)
    return tried


def test_a_heartbeat_that_fails_beside_exports_that_do_not(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tried = _refuse_replacing(monkeypatch, "daemon.json")
    with open_journal(ws, create=True) as journal:
        keeper = Housekeeping(ws, journal)
        for _ in range(4):
            keeper.beat(0, 0, "running", force=True)
            with journal.write() as tx:
                tx.run("journal.set_wanted", wanted="run", drain_until=None)
            keeper.export(force=True)
    assert len(tried) == 4
    assert capsys.readouterr().err.count("exports are stale") == 1
