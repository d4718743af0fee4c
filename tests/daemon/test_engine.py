"""The tick, where one run cannot be looked at."""

from __future__ import annotations

import errno
import os

import pytest

from runforge.backends.base import AttemptRef
from runforge.core.outcome import Report
from runforge.views import lists
from runforge.workspace import Workspace
from tests.faults.kit import Daemon, daemon, enqueue

__all__ = ["daemon"]


def test_a_run_that_cannot_be_judged_now_holds_up_no_other(
    ws: Workspace, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    enqueue(ws, 0.0, 0.0, 0.0)
    first = lists.jobs(ws)[0].run_id
    backend, looks = daemon.engine._backend, []
    really = backend.inspect

    def unreadable(ref: AttemptRef) -> Report:
        if ref.run_id == first:
            looks.append(ref)
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(ws.attempt_dir(first, 1)))
        return really(ref)

    def states() -> dict[str, str]:
        return {job.run_id: job.state for job in lists.jobs(ws)}

    with monkeypatch.context() as disk:
        disk.setattr(backend, "inspect", unreadable)
        daemon.until(lambda: list(states().values()).count("succeeded") == 2, "the others have run")
        daemon.until(lambda: len(looks) > 1, "it is looked at again")
        assert states()[first] == "running"
    daemon.until(lambda: states()[first] == "succeeded", "it has its true outcome")
    told = [line for line in capsys.readouterr().err.splitlines() if first in line]
    assert len(told) == 1
    assert told[0].startswith("WARNING: ")
