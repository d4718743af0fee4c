"""The lock that makes one daemon a workspace: deleted or replaced, it is ours no more."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runforge import clock
from runforge.daemon.lock import DaemonLock
from runforge.daemon.log import log
from runforge.daemon.loop import Descriptors, Loop
from runforge.daemon.main import local_engine, take_over
from runforge.daemon.replace import replace_holder
from runforge.daemon.settings import Listener, Settings
from runforge.errors import OperationFailed
from runforge.machine import os_process
from runforge.store.failures import Fenced
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

pytestmark = pytest.mark.slow


@pytest.fixture
def loop(ws: Workspace) -> Iterator[Loop]:
    lock, settings, descriptors = DaemonLock.take(ws), Settings(), Descriptors()
    with open_journal(ws, create=True) as journal:
        listener = Listener(lambda _job: None, lambda _job, _ending: None, log)
        epoch = take_over(journal, settings)
        engine = local_engine(ws, journal, epoch, settings, listener, descriptors, umask=0o077)
        made = Loop(ws, journal, lock, engine, descriptors)
        made.start()
        yield made
        made.close()
    lock.release()


def _replace(path: Path) -> None:
    path.with_name("other").touch()
    os.replace(path.with_name("other"), path)


@pytest.mark.parametrize("step", [Path.unlink, _replace], ids=["deleted", "replaced"])
def test_a_daemon_whose_lock_is_not_its_own_any_more_ends(ws: Workspace, loop: Loop, step: object) -> None:
    assert callable(step)
    step(ws.daemon_lock)
    looks = iter([False, False, True])
    with pytest.raises(Fenced, match="daemon lock was deleted or replaced"):
        loop.run(lambda: next(looks))


@pytest.mark.parametrize("name", ["daemon.lock", ".runforge"])
def test_what_cannot_be_looked_at_now_is_not_taken_for_gone(
    loop: Loop, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    really = os.stat

    def refusing(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if not isinstance(path, int) and Path(os.fsdecode(path)).name == name:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(path))
        return really(path, *arguments, **options)

    looks = iter([False, False, True])
    with monkeypatch.context() as patched:
        patched.setattr(os, "stat", refusing)
        loop.run(lambda: next(looks))
    told = capsys.readouterr().err
    assert told.count(f"{name}: Input/output error") == 1
    assert "trying again" in told


def test_a_lock_file_that_is_replaced_while_it_is_taken_is_not_taken_for_the_lock(
    ws: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    ws.prepare()
    really, replaced = fcntl.flock, []

    def replaced_first(descriptor: int, how: int) -> None:
        if not replaced:
            replaced.append(ws.daemon_lock)
            _replace(ws.daemon_lock)
        really(descriptor, how)

    monkeypatch.setattr(fcntl, "flock", replaced_first)
    lock = DaemonLock.take(ws)
    assert lock.is_ours()
    lock.release()


HOLD = """
import fcntl, os, signal, sys
with open(sys.argv[1], "w") as lock:
    fcntl.flock(lock, fcntl.LOCK_EX)
    print(os.getpid(), file=lock, flush=True)
    print("held", flush=True)
    signal.pause()
"""


def test_a_holder_that_started_at_another_time_than_the_daemon_is_not_signalled(ws: Workspace) -> None:
    with open_journal(ws, create=True) as journal:  # as the daemon has it, whose number this would be
        words = [sys.executable, "-c", HOLD, str(ws.daemon_lock)]
        with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as stranger:
            try:
                assert stranger.stdout is not None
                assert stranger.stdout.readline() == "held\n"
                _write_down(journal, stranger.pid)
                with pytest.raises(OperationFailed, match="is not the daemon in the journal"):
                    replace_holder(ws)
                assert stranger.poll() is None
            finally:
                stranger.kill()


def _write_down(journal: Journal, pid: int) -> None:
    """Make the journal's daemon one with this number that has started earlier."""
    ticks = os_process.start_ticks(pid)
    assert ticks is not None
    values = {"boot_id": os_process.boot_id(), "now": clock.now(), "start_ticks": ticks - 1}
    with journal.write() as tx:
        tx.row("journal.take_over", pid=pid, max_parallel=1, gpu_slots=0, **values)
