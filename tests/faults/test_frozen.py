"""Frozen processes of RunForge are noticed and reported, and the work continues without them."""

from __future__ import annotations

import os
import signal

import pytest

from runforge.backends.local import zygote_client
from runforge.machine import os_process
from runforge.workspace import Workspace
from tests.faults.kit import Daemon, daemon, enqueue

__all__ = ["daemon"]


def test_a_frozen_zygote_is_replaced_and_the_run_starts(
    ws: Workspace, daemon: Daemon, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(zygote_client, "STOPPED_SECONDS", 0.3)
    frozen = [  # not what an earlier test has left
        pid for pid in os_process.children() if "runforge.supervise.zygote" in os_process.command_line(pid)
    ]
    assert len(frozen) == 2
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    enqueue(ws, 0.0)
    daemon.until(lambda: daemon.states() == ["succeeded"], "the run has run")
    assert "does not answer; a new one replaces it" in capsys.readouterr().err
    replaced = [pid for pid in frozen if not os_process.is_stopped(pid)]
    assert len(replaced) == 1
    os.kill(next(pid for pid in frozen if pid not in replaced), signal.SIGCONT)
