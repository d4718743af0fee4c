"""A read-only session on another user's queue: it shows everything and leaves everything as it is."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

import pytest

from runforge import workspace as workspaces
from runforge.cli import options
from runforge.errors import Missing
from runforge.store import daemon_holder
from runforge.workspace import Workspace

from .kit import Looker, lived, look

pytestmark = pytest.mark.slow


@pytest.fixture
def other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Be somebody else than the owner of every file."""
    uid = os.geteuid() + 4242
    monkeypatch.setattr(os, "geteuid", lambda: uid)


def all_files(root: Path) -> dict[str, tuple[int, int]]:
    return {str(path): (path.stat().st_size, path.stat().st_mtime_ns) for path in root.rglob("*")}


def test_it_is_shown_and_not_touched(ws: Workspace, other: None) -> None:
    del other
    lived(ws)
    with pytest.raises(Missing, match="belongs to another user"):
        options.find(ws.root)
    found = options.find(ws.root, only_look=True)
    assert found.only_look
    before = all_files(ws.root)

    async def journey(at: Looker) -> None:
        await at.sees("read-only", "▸ running", "exit code 3", "7/10")
        await at.press("x")
        await at.sees("this session is read-only")
        await at.press("l")
        await at.sees("epoch 7")
        await at.press("c")
        await at.sees("loss: 1 of 1")
        await at.press("i", "escape", "o", "b")
        await at.sees("● C=0.4")
        await at.press("escape", "m")
        await at.sees("cores")

    look(found, journey, read_only=True)
    assert all_files(ws.root) == before


def test_a_daemon_is_seen_although_its_lock_may_not_be_read(
    ws: Workspace, other: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del other
    lived(ws)
    found = options.find(ws.root, only_look=True)

    def refused(*_: object) -> int:
        raise PermissionError

    monkeypatch.setattr(daemon_holder, "open_file", refused)
    found.daemon_lock.touch()
    assert daemon_holder.holder(found) is None
    with found.daemon_lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        holder = daemon_holder.holder(found)
        assert holder is not None
        assert holder.pid == os.getpid()
    with pytest.raises(PermissionError):
        daemon_holder.holder(ws)


def test_ones_own_workspace_is_opened_as_ever(ws: Workspace) -> None:
    lived(ws)
    assert not workspaces.at(ws.root, only_look=True).only_look


def test_files_that_may_not_be_read_are_an_error_that_says_what_to_do(
    ws: Workspace, other: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    del other
    lived(ws)
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(Missing, match=r"cannot be read by this user.*chmod -R go"):
        options.find(ws.root, only_look=True)
