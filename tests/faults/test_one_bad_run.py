"""Bad files of one run harm only that run: it is reported and waits; the other runs continue."""

from __future__ import annotations

import errno
import os
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts import exit_record, start_marker
from runforge.backends import preparing
from runforge.core.outcome import ExitRecord
from runforge.errors import InvalidRequest
from runforge.queue import cancel
from runforge.supervise import supervisor
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.faults.kit import Daemon, daemon, enqueue
from tests.supervise.kit import Attempt

pytestmark = pytest.mark.slow

__all__ = ["daemon"]


def test_a_request_that_cannot_be_read_now_waits_and_the_others_run(
    ws: Workspace, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enqueue(ws, 0.0, 0.0)
    bad = lists.jobs(ws)[0].run_id
    read, refusing = preparing.request_file.read_of_run, [True]

    def refuse(folder: Path, sha: str | None) -> Any:
        if refusing and folder.name == bad:
            raise InvalidRequest("cannot be read") from OSError(
                errno.EACCES, "Permission denied", str(folder)
            )
        return read(folder, sha)

    monkeypatch.setattr(preparing.request_file, "read_of_run", refuse)
    daemon.until(lambda: daemon.states() == ["queued", "succeeded"], "the other has run")
    shown = lists.run(ws, bad).job
    assert shown.cause == "postponed"
    refusing.clear()
    daemon.until(lambda: daemon.states()[0] == "succeeded", "it has run once it could be read")
    causes = {attempt.cause for attempt in lists.run(ws, bad).attempts}
    assert causes == {"postponed", "exit"}
    assert capsys.readouterr().err.count("permission denied; trying again") == 1


@pytest.mark.parametrize("what", ["file", "fifo", "dangling link", "parent is a file"])
def test_a_folder_that_is_none_any_more_ends_one_run(ws: Workspace, daemon: Daemon, what: str) -> None:
    enqueue(ws, 600.0, 0.5)
    first = lists.jobs(ws)[0]
    folder = ws.attempt_dir(first.run_id, 1)
    daemon.until(lambda: start_marker.read(folder), "the first is claimed")
    owner = start_marker.read(folder)
    assert owner is not None
    place = folder.parent if what == "parent is a file" else folder
    shutil.rmtree(place)
    if what == "fifo":
        os.mkfifo(place)
    elif what == "dangling link":
        place.symlink_to("/nonexistent")
    else:
        place.touch()
    os.kill(owner.pid, signal.SIGKILL)
    daemon.until(lambda: daemon.states()[1] == "succeeded", "the other goes on")
    daemon.until(lambda: lists.jobs(ws)[0].attempt == 2, "its end is told, and it is tried again")
    daemon.until(lambda: start_marker.read(ws.attempt_dir(first.run_id, 2)), "the next attempt starts")
    second = start_marker.read(ws.attempt_dir(first.run_id, 2))
    assert second is not None
    cancel.cancel_run(ws, first.run_id)
    daemon.until(lambda: daemon.states()[0] == "canceled", "it is canceled")


def test_a_supervisor_waits_with_an_end_that_the_disk_refuses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt, switch = Attempt(tmp_path), tmp_path / "refuse"
    switch.touch()
    write = supervisor.exit_record.write

    def refuse(descriptor: int, record: ExitRecord) -> None:
        if switch.exists():
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        write(descriptor, record)

    def refuse_beside(_folder: Path, _record: ExitRecord) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(supervisor.exit_record, "write", refuse)
    monkeypatch.setattr(supervisor.exit_record, "write_beside", refuse_beside)
    attempt.start("raise SystemExit(3)")
    wait_until(lambda: "waits for the disk: No space left" in attempt.log, "it waits")
    switch.unlink()
    record = attempt.wait()
    assert record is not None
    assert record.exit_code == 3


def test_an_end_that_its_folder_refuses_is_left_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    attempt = Attempt(tmp_path)

    def refuse(_descriptor: int, _record: ExitRecord) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(supervisor.exit_record, "write", refuse)
    record = attempt.run("raise SystemExit(3)")
    assert record.exit_code == 3
    assert exit_record.read(attempt.folder, "another") is None
