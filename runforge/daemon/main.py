"""The daemon process: lock, epoch, loop, and a clean way out."""

from __future__ import annotations

import os
import selectors
import signal
import socket
import sys
import time
from types import FrameType

from runforge import clock, failpoints, machine_faults
from runforge.core.outcome import Ending
from runforge.core.records import DaemonRow, Job
from runforge.core.states import State
from runforge.daemon.attempt_table import Active
from runforge.daemon.engine import POLL_SECONDS, Engine, Listener, Settings
from runforge.daemon.housekeeping import Heart
from runforge.daemon.launch_gate import say
from runforge.daemon.lock import DaemonLock
from runforge.daemon.replace import replace_holder
from runforge.errors import InternalError, InvalidRequest, RunForgeError, explained
from runforge.files.permissions import become_private
from runforge.machine import os_process
from runforge.metrics import tokens
from runforge.queue import wakeup
from runforge.store import records
from runforge.store.failures import DiskFailing, DiskFull, Fenced, JournalBusy, ReadOnlyDisk
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

_ORPHANS = ("requeue", "fail", "cancel")
#: Seconds to wait after the journal could not be written (a full disk heals by itself).
_BACK_OFF = 1.0
#: Seconds between looks at things that no event announces (lock file, lost doorbell bytes).
_LOOK_ROUND = 5.0


def check_settings(settings: Settings) -> None:
    """Raise InvalidRequest for numbers that no daemon can work with."""
    if settings.max_parallel < 1:
        raise InvalidRequest(f"--max-parallel {settings.max_parallel} is too small", fix="Give at least 1")
    if settings.gpu_slots < 0:
        raise InvalidRequest(f"--gpu-slots {settings.gpu_slots} is negative", fix="Give 0 for none, or more")
    if settings.orphans not in _ORPHANS:
        raise InvalidRequest(
            f"--orphans {settings.orphans!r} is unknown", fix=f"Use one of {', '.join(_ORPHANS)}"
        )


def run_daemon(
    workspace: Workspace,
    *,
    max_parallel: int = 2,
    gpu_slots: int = 1,
    orphans: str = "requeue",
    replace: bool = False,
) -> int:
    """Be the workspace's daemon until told to stop; return the exit code.

    Raises OperationFailed, naming its pid, if another daemon lives.
    """
    settings = Settings(max_parallel, gpu_slots, orphans)
    check_settings(settings)
    umask = become_private()
    workspace.prepare()
    if replace:
        replace_holder(workspace)
    lock = DaemonLock.take(workspace)
    try:
        failpoints.hit("daemon.locked")
        with open_journal(workspace, create=True) as journal:
            return Daemon(workspace, journal, lock, settings, umask).run()
    finally:
        lock.release()


def _say(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:
        # Whoever listened is gone (closed pipe, full disk); the queue goes on.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _said_started(job: Job) -> None:
    _say(tokens.job_started(job.job_id, job.run_id, gpu=job.requires_gpu))


def _said_done(job: Job, ending: Ending) -> None:
    state = "requeued" if ending.state is State.QUEUED else ending.state.value
    _say(tokens.job_done(job.job_id, job.run_id, state))


def take_over(journal: Journal, settings: Settings) -> int:
    """Write this daemon into the journal and return its epoch, which fences every older one."""
    with journal.write() as tx:
        row = tx.row(
            "journal.take_over",
            pid=os.getpid(),
            boot_id=os_process.boot_id(),
            now=clock.now(),
            start_ticks=os_process.start_ticks(os.getpid()),
            max_parallel=settings.max_parallel,
            gpu_slots=settings.gpu_slots,
        )
        return int(row[0])


class Daemon:
    """The loop around the engine: waits, ticks, exports, beats, and knows when to stop."""

    def __init__(
        self,
        workspace: Workspace,
        journal: Journal,
        lock: DaemonLock,
        settings: Settings,
        umask: int,
    ) -> None:
        self._workspace = workspace
        self._journal = journal
        self._lock = lock
        self._settings = settings
        self._epoch = take_over(journal, settings)
        failpoints.hit("daemon.took_over")
        self._engine = Engine(
            workspace,
            journal,
            self._epoch,
            settings,
            Listener(_said_started, _said_done),
            umask=umask,
        )
        self._heart = Heart(workspace, journal)
        self._bell = wakeup.listen(workspace.doorbell)
        self._wake_read, self._wake_write = socket.socketpair()
        self._signals = 0
        self._state = "running"
        self._next_look = 0.0
        self._read: tuple[int, DaemonRow] | None = None
        self._was_failing = False

    def run(self) -> int:
        """Loop until told to stop; return the exit code."""
        self._listen_to_signals()
        self._heart.beat(0, 0, self._state)
        self._engine.start()
        for source in (self._bell, self._wake_read):
            self._engine.selector.register(source, selectors.EVENT_READ, "wake")
        _say(tokens.daemon_started(os.getpid(), self._settings.max_parallel, self._settings.gpu_slots))
        try:
            while not self._is_over():
                self._round()
        except Fenced as error:
            print(f"ERROR: {error}; leaving it the workspace", file=sys.stderr, flush=True)
            return InternalError.exit_code
        except DiskFailing as error:
            say(f"ERROR: {error}; nothing is launched any more, what runs goes on")
            # At once: to close the journal SQLite would sync again, and Linux, which has dropped the
            # pages that it could not write, would say that all is well.
            os._exit(InternalError.exit_code)
        finally:
            self._engine.close()
            self._bell.close()
        self._say_goodbye()
        return 0

    def _listen_to_signals(self) -> None:
        self._wake_write.setblocking(False)
        signal.set_wakeup_fd(self._wake_write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._signals += 1
        if self._signals > 1:
            os._exit(130)  # the journal is always in order; a second signal means now

    def _round(self) -> None:
        try:
            self._mend()
            self._engine.tick()
            self._heart.export()
            self._heart.beat(self._engine.active_jobs, self._engine.active_gpu_jobs, self._state)
            self._heart.checkpoint()
            self._look_round()
            self._was_failing = False
        except (DiskFull, ReadOnlyDisk, JournalBusy) as error:
            self._fail(error)
        except OSError as error:
            if machine_faults.of(error) is None:
                raise
            self._fail(error)
        self._wait(_BACK_OFF if self._was_failing else None)

    def _mend(self) -> None:
        """Put a deleted -wal or -shm file right, before anything is written that nobody else would see."""
        if self._journal.is_detached():
            self._journal.reattach()
            message = "the journal's -wal or -shm file was deleted under the daemon; nothing of it is lost"
            say(f"WARNING: {message}")

    def _fail(self, error: Exception) -> None:
        if not self._was_failing:
            say(f"WARNING: {explained(error)}; trying again")
        self._was_failing = True

    def _look_round(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_ROUND
        if not self._lock.is_ours():
            raise Fenced("the daemon lock was deleted or replaced")
        self._heart.repair()

    def _wait(self, back_off: float | None) -> None:
        timeout = back_off if back_off is not None else self._heart.wait_seconds()
        if self._engine.needs_polling:
            timeout = min(timeout, POLL_SECONDS)
        for key, _ in self._engine.selector.select(timeout):
            if isinstance(key.data, Active):
                self._engine.supervisor_gone(key.data)
            elif key.fileobj is self._bell:
                wakeup.drain(self._bell)
            elif key.fileobj is self._wake_read:
                self._wake_read.recv(64)

    def _is_over(self) -> bool:
        """Return whether to leave: a signal, a `stop`, or a drain that is done."""
        if self._signals:
            return True
        row = self._row()
        if row.epoch != self._epoch:
            raise Fenced("a newer daemon has taken over this workspace")
        if row.wanted == "stop":
            return True
        if row.wanted != "drain":
            return False
        self._engine.is_draining = True
        self._state = "stopping"
        is_late = row.drain_until is not None and clock.now() >= row.drain_until
        return self._engine.active_jobs == 0 or is_late

    def _row(self) -> DaemonRow:
        """Return what others want of this daemon: read anew when somebody has committed."""
        version = self._journal.data_version()
        if self._read is None or self._read[0] != version:
            with self._journal.read() as tx:
                self._read = version, records.daemon(tx.row("journal.daemon"))
        return self._read[1]

    def _say_goodbye(self) -> None:
        left = self._engine.active_jobs
        try:
            with self._journal.write(self._epoch) as tx:
                tx.run("journal.set_daemon_state", state="stopped")
            failpoints.hit("daemon.stopped")
            self._heart.export(now_or_never=True)
        except RunForgeError as error:
            print(f"WARNING: {error}", file=sys.stderr, flush=True)
        self._heart.beat(left, self._engine.active_gpu_jobs, "stopped", now_or_never=True)
        if left:
            noun = "run goes" if left == 1 else "runs go"
            print(f"{left} {noun} on; the next daemon adopts them", file=sys.stderr, flush=True)
        _say(tokens.daemon_stopped(os.getpid()))
