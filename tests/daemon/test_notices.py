"""The daemon's part in notices: it starts a sender and never waits for it; what it tells of itself."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runforge.daemon import notices as module
from runforge.daemon.main import take_over
from runforge.daemon.notices import Notices
from runforge.daemon.settings import Settings
from runforge.notices import send
from runforge.store import outbox
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.conftest import wait_until


@pytest.fixture
def journal(ws: Workspace) -> Iterator[Journal]:
    with open_journal(ws, create=True) as made:
        yield made


@pytest.fixture
def notices(ws: Workspace, journal: Journal) -> Iterator[Notices]:
    made = Notices(ws, journal)
    yield made
    if made._child is not None:
        made._child.kill()
        made._child.wait()


def configure(ws: Workspace, *targets: str, mode: int = 0o600) -> None:
    path = ws.hidden / "config.toml"
    path.touch(0o600)
    path.write_text(f"[notify]\nto = {list(targets)}\n", "utf-8")
    path.chmod(mode)


def rows(journal: Journal) -> list[dict[str, Any]]:
    with journal.read() as tx:
        return [dict(row) for row in tx.rows("outbox.all")]


def note(journal: Journal) -> None:
    with journal.write() as tx:
        outbox.note(tx, "disk")


def hook(tmp_path: Path, body: str) -> str:
    path = tmp_path / "hook"
    path.write_text(f"#!/bin/sh\n{body}\n", "ascii")
    path.chmod(0o700)
    return f"cmd:{path}"


def until_done(notices: Notices, journal: Journal, seconds: float = 60.0) -> None:
    def look() -> bool:
        notices.look()
        return all(row["done_at"] for row in rows(journal))

    wait_until(look, "every notice is sent", seconds)


def test_a_notice_is_sent_by_another_process(
    ws: Workspace, journal: Journal, notices: Notices, tmp_path: Path
) -> None:
    configure(ws, hook(tmp_path, f"echo $PPID > {tmp_path}/heard"))
    notices.look()
    assert notices._child is None
    note(journal)
    notices.look()
    until_done(notices, journal)
    assert int((tmp_path / "heard").read_text("ascii")) not in {0, os.getpid()}
    notices.look()
    wait_until(lambda: (notices.look(), notices.wait_seconds() > 30)[1], "nothing is due")


def test_a_hook_that_hangs_holds_nothing_up(
    ws: Workspace, journal: Journal, notices: Notices, tmp_path: Path
) -> None:
    configure(ws, hook(tmp_path, f"touch {tmp_path}/hangs; sleep 600"))
    note(journal)
    notices.look()
    wait_until((tmp_path / "hangs").exists, "the hook is at work")
    start = time.monotonic()
    for _ in range(100):
        notices.look()
    assert time.monotonic() - start < 5
    assert notices.wait_seconds() > 1
    with contextlib.suppress(ProcessLookupError):
        os.killpg(notices._child.pid, 9)  # type: ignore[union-attr]


def test_a_sender_that_hangs_is_killed(
    ws: Workspace, journal: Journal, notices: Notices, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(ws, hook(tmp_path, f"touch {tmp_path}/hangs; sleep 600"))
    note(journal)
    notices.look()
    child = notices._child
    assert child is not None
    wait_until((tmp_path / "hangs").exists, "the hook is at work")
    monkeypatch.setattr(module, "_TOO_LONG", 0.0)
    wait_until(lambda: (notices.look(), child.poll())[1] == -9, "the sender is killed")


def test_where_nobody_is_to_be_told_nothing_is_kept_and_nothing_started(
    journal: Journal, notices: Notices
) -> None:
    note(journal)
    notices.look()
    assert (notices._child, rows(journal)) == (None, [])


def test_a_file_that_may_not_be_believed_is_told_once_and_its_notices_wait(
    ws: Workspace,
    journal: Journal,
    notices: Notices,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    configure(ws, hook(tmp_path, f"touch {tmp_path}/heard"), mode=0o666)
    monkeypatch.setattr(module, "_PAUSE", 0.0)
    note(journal)
    for _ in range(3):
        notices.look()
    assert notices._child is None
    said = capsys.readouterr().err
    assert said.count("WARNING: notices wait: ") == 1
    assert "other users may write it" in said
    configure(ws, hook(tmp_path, f"touch {tmp_path}/heard"))
    until_done(notices, journal)
    assert (tmp_path / "heard").exists()


def test_another_sender_at_work_is_not_met_by_one_process_after_the_other(
    ws: Workspace, journal: Journal, notices: Notices, tmp_path: Path
) -> None:
    configure(ws, hook(tmp_path, "true"))
    note(journal)
    with send._alone(ws) as is_alone:
        assert is_alone
        notices.look()
        child = notices._child
        assert child is not None
        assert child.wait() == send.BUSY
        notices.look()
        assert notices._child is None
        assert 1 < notices.wait_seconds() <= module._SHORT_PAUSE


def test_that_nothing_is_launched_is_told_once_when_it_lasts(
    journal: Journal, notices: Notices, monkeypatch: pytest.MonkeyPatch
) -> None:
    epoch = take_over(journal, Settings())
    notices.hear("the disk is full", epoch)
    assert rows(journal) == []
    monkeypatch.setattr(module, "_LASTING", 0.0)
    for _ in range(3):
        notices.hear("the disk is full", epoch)
    (row,) = rows(journal)
    assert (row["event"], "Nothing is launched: the disk is full" in row["detail"]) == ("disk", True)
    notices.hear(None, epoch)
    notices.hear("the disk is full", epoch)
    notices.hear("the disk is full", epoch)
    assert len(rows(journal)) == 2
