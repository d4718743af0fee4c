"""Attempts on this machine when something goes wrong: a zygote, a disk, a number that was used again."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runforge import clock
from runforge.attempts import orders, start_marker
from runforge.backends.base import AttemptRef
from runforge.backends.local.backend import LocalBackend
from runforge.core.outcome import Finding
from runforge.daemon.loop import Descriptors
from runforge.machine import os_process
from runforge.store import records, transitions
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.faults.kit import Daemon, daemon, enqueue
from tests.supervise.kit import Attempt

pytestmark = pytest.mark.slow

__all__ = ["daemon"]


@pytest.fixture
def backend(ws: Workspace) -> Iterator[LocalBackend]:
    descriptors = Descriptors()
    made = LocalBackend(ws, descriptors, max_parallel=1, umask=0o077, log=print)
    made.start()
    yield made
    made.close()
    descriptors.close()


@pytest.fixture
def attempt(ws: Workspace, tmp_path: Path) -> Iterator[Attempt]:
    made = Attempt(tmp_path)
    shutil.rmtree(made.folder)
    made.folder = ws.attempt_dir("r", 1)
    made.folder.mkdir(parents=True)
    yield made
    with contextlib.suppress(ChildProcessError):  # reaped, as it should be
        if made.pid and os.waitpid(made.pid, os.WNOHANG) == (0, 0):
            made.kill_supervisor()
    for pid in made.marked():
        os_process.send(pid, signal.SIGKILL)


def ref_of(attempt: Attempt) -> AttemptRef:
    return AttemptRef("r", 1, attempt.token, ".runforge/runs/r")


def test_an_attempt_that_a_dead_zygote_was_asked_for_is_judged(ws: Workspace, daemon: Daemon) -> None:
    zygote = daemon.engine._backend._launcher._bare
    first = zygote.pid
    assert first is not None
    os.kill(first, signal.SIGSTOP)
    enqueue(ws, 0.0)
    daemon.until(lambda: daemon.states() == ["running"], "its supervisor has been asked for")
    (watched,) = daemon.engine._backend._attempts._known.values()
    assert watched.is_launching
    os.kill(first, signal.SIGKILL)
    daemon.until(lambda: zygote.pid != first, "another zygote takes its place")
    assert not watched.is_launching
    daemon.until(lambda: daemon.states() == ["succeeded"], "the run is started again")


def test_a_cancel_that_the_disk_had_no_room_for_is_delivered_later(
    ws: Workspace, daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueue(ws, 60.0)
    daemon.until(lambda: list(ws.attempts_dir.glob("*/1/claim")), "it runs")
    refused: list[Path] = []

    def no_room(path: Path, *_: object, **__: object) -> None:
        refused.append(path)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with monkeypatch.context() as disk:
        disk.setattr(orders, "write_atomic", no_room)
        # As the command does; but its own file has no room either.
        with open_journal(ws) as journal, journal.write() as tx:
            for row in tx.rows("jobs.running"):
                transitions.ask_to_cancel(tx, records.job(row), clock.now())
        for _ in range(3):
            daemon.round()
    assert len(refused) == 3
    daemon.until(lambda: daemon.states() == ["canceled"], "the cancel is delivered")
    assert lists.jobs(ws)[0].error == "canceled while it was running"


def test_a_stranger_with_the_pid_of_a_supervisor_is_not_waited_for(
    backend: LocalBackend, attempt: Attempt
) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        claim = {"kind": start_marker.STARTED, "token": attempt.token, "pid": stranger.pid}
        claim |= {"start_ticks": 1, "boot_id": os_process.boot_id()}
        (attempt.folder / start_marker.NAME).write_text(json.dumps(claim))
        backend.adopt(ref_of(attempt))
        looked_at = [event.token for event in backend.events()]
        stranger.kill()
    # At once; else it would be when the stranger has ended.
    assert looked_at == [attempt.token]


def test_a_lost_attempt_is_swept_with_the_supervisor_that_nobody_can_trust(
    backend: LocalBackend, attempt: Attempt
) -> None:
    attempt.start("print('up', flush=True); import time; time.sleep(60)")
    wait_until(lambda: "up" in attempt.log, "the run is up")
    os.kill(attempt.pid, signal.SIGSTOP)  # it does not see that its run is killed
    wait_until(lambda: os_process.is_stopped(attempt.pid), "the supervisor stands still")
    (attempt.folder / "sup.lock").unlink()
    assert attempt.finding() is Finding.LOST
    assert backend.clean_up(ref_of(attempt))
    assert attempt.marked() == []
    assert os.waitpid(attempt.pid, os.WNOHANG) == (attempt.pid, signal.SIGKILL)
