"""Programs that hold the journal for too long: a stopped writer, a reader with an old snapshot."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from runforge.cli import doctor
from runforge.queue import pause, submit
from runforge.store import writer_lock
from runforge.store.failures import JournalBusy
from runforge.store.opening import open_journal, open_snapshot
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until
from tests.e2e.test_commands import Cli


@pytest.fixture
def queue(ws: Workspace) -> Workspace:
    submit.enqueue_sweep(ws, (ws.root / "plan.json").read_bytes(), where="plan.json")
    return ws


@pytest.fixture
def writer(queue: Workspace) -> Iterator[subprocess.Popen[str]]:
    """A process in the middle of a transaction."""
    code = (
        "import sys, pathlib, signal\n"
        "from runforge import workspace\n"
        "from runforge.store.opening import open_journal\n"
        "with open_journal(workspace.at(pathlib.Path(sys.argv[1]))) as journal, journal.write() as tx:\n"
        "    tx.run('journal.set_daemon_state', state='stopped')\n"
        "    print('in it', flush=True)\n"
        "    signal.pause()\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(queue.root)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "in it\n"
    yield process
    process.kill()
    process.communicate()


def test_a_stopped_writer_is_named_with_the_way_out_and_reads_work(
    queue: Workspace, cli: Cli, writer: subprocess.Popen[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_lock, "WRITE_TIMEOUT", 0.2)
    with pytest.raises(JournalBusy, match=rf"pid {writer.pid} has held it.*`ps {writer.pid}`"):
        pause.pause_group(queue, "@last")
    writer.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, writer.pid, os.WSTOPPED)
    with pytest.raises(JournalBusy, match=rf"pid {writer.pid} \(stopped\).*`kill -CONT {writer.pid}`"):
        pause.pause_group(queue, "@last")
    assert cli("queue-status", "-w", queue.root).returncode == 0
    assert not lists.groups(queue)[0].paused
    writer.kill()
    writer.wait()
    pause.pause_group(queue, "@last")
    assert lists.groups(queue)[0].paused


def test_who_is_told_to_stop_does_not_wait_for_a_writer_that_hangs(
    queue: Workspace, writer: subprocess.Popen[str]
) -> None:
    writer.send_signal(signal.SIGSTOP)
    with open_journal(queue) as journal:
        journal.give_up = lambda: True
        with pytest.raises(JournalBusy, match="has held it for 0 s"), journal.write():
            pass


@pytest.mark.slow
def test_a_daemon_ends_on_term_although_a_writer_hangs(queue: Workspace, cli: Cli) -> None:
    words = [sys.executable, "-m", "runforge", "daemon", "-w", str(queue.root)]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(words, **pipes) as daemon, open_journal(queue) as journal:
        try:
            assert "DAEMON=STARTED" in daemon.stdout.readline()
            with journal.locked():
                wait_until(lambda: flock_waiters(queue) > 0, "the daemon waits for the lock")
                daemon.send_signal(signal.SIGTERM)
                _, said = daemon.communicate(timeout=20)  # it would wait for 30 s
        finally:
            daemon.kill()
    assert daemon.returncode == 0, said
    assert "journal is busy" in said
    assert cli("queue-status", "-w", queue.root).returncode == 0


def flock_waiters(ws: Workspace) -> int:
    """How many processes wait for the writers' lock."""
    inode = os.stat(ws.write_lock).st_ino
    with open("/proc/locks", encoding="ascii") as locks:
        return sum(" -> FLOCK" in line and f":{inode} " in line for line in locks)


def test_a_reader_holds_nobody_up_and_is_told_of(queue: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    wal = queue.journal.with_name("runforge.db-wal")
    with open_snapshot(queue) as reader, reader.read() as tx:
        seen = len(tx.rows("jobs.all"))
        submit.enqueue_sweep(queue, (queue.root / "plan.json").read_bytes(), where="plan.json")
        with open_journal(queue) as journal:
            waits: list[str] = []
            journal.connection.set_trace_callback(waits.append)
            journal.checkpoint()
            # This is between the checkpoint and all waiting writers.
            assert "PRAGMA busy_timeout=100" in waits
            assert journal.connection.execute("PRAGMA busy_timeout").fetchone()[0] == 30_000
        pause.pause_group(queue, lists.groups(queue)[0].group_id)
        assert len(tx.rows("jobs.all")) == seen
        monkeypatch.setattr(doctor, "_LARGE_WAL", 1)
        assert [finding.name for finding in doctor._wal(queue)] == ["wal"]
    with open_journal(queue) as journal:
        journal.checkpoint()
    assert not wal.exists() or wal.stat().st_size == 0
    assert doctor._wal(queue) == []


def test_who_reads_the_lock_is_nobody(queue: Workspace) -> None:
    descriptor = writer_lock.open_lock(queue)
    try:
        assert writer_lock.daemon_holder.flock_holder(os.fstat(descriptor).st_ino) is None
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        assert writer_lock.daemon_holder.flock_holder(os.fstat(descriptor).st_ino) == os.getpid()
    finally:
        os.close(descriptor)
