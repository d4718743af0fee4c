"""The loop of the daemon and of a foreground sweep: wait, tick, export, heartbeat, repair."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from types import FrameType

from runforge.daemon.engine import POLL_SECONDS, Engine
from runforge.daemon.housekeeping import Housekeeping
from runforge.daemon.lock import DaemonLock
from runforge.daemon.log import log
from runforge.daemon.notices import Notices
from runforge.daemon.sampling import Sampling
from runforge.errors import RunForgeError, explained
from runforge.queue import abandoned, wakeup
from runforge.store.failures import DiskFull, Fenced, JournalBusy, JournalReplaced, ReadOnlyDisk
from runforge.store.journal import Journal
from runforge.workspace import Workspace

#: Seconds to wait after the journal could not be written (a full disk heals by itself).
_BACK_OFF = 1.0
#: Seconds between checks of things without an event (lock file, lost wake-up bytes).
_LOOK_ROUND = 5.0


class Descriptors:
    """The descriptors that the loop waits for, and what to do when one is readable."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def add(self, source: int, act: Callable[[], object]) -> None:
        """Call `act` whenever the descriptor is readable."""
        self._selector.register(source, selectors.EVENT_READ, act)

    def remove(self, source: int) -> None:
        """Stop doing so."""
        self._selector.unregister(source)

    def wait(self, seconds: float) -> None:
        """Wait until a descriptor is readable, but at most this long; call its function."""
        for key, _ in self._selector.select(seconds):
            key.data()

    def close(self) -> None:
        """Close the selector."""
        self._selector.close()


class Signals:
    """Counts TERM, INT and HUP; the second one ends the process at once."""

    def __init__(self, journal: Journal, descriptors: Descriptors, exit_code: int) -> None:
        self.count = 0
        journal.give_up = lambda: self.count > 0  # a stopped writer may hold the lock for ever
        self._exit_code = exit_code
        self._wake, self._write = socket.socketpair()
        self._write.setblocking(False)
        signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_signal)
        descriptors.add(self._wake.fileno(), lambda: self._wake.recv(64))

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self.count += 1
        if self.count > 1:
            os._exit(self._exit_code)  # the journal is always in order; a second signal means: at once


class Loop:
    """Runs an engine round by round, until it is told to stop."""

    def __init__(
        self,
        workspace: Workspace,
        journal: Journal,
        lock: DaemonLock,
        engine: Engine,
        descriptors: Descriptors,
        sampling: Sampling | None = None,
    ) -> None:
        self._workspace = workspace
        self._home = self._identity()
        self._journal = journal
        self._lock = lock
        self._engine = engine
        self._sampling = sampling
        self._descriptors = descriptors
        self._housekeeping = Housekeeping(workspace, journal)
        self._notices = Notices(workspace, journal)
        self._bell = wakeup.listen(workspace.doorbell)
        descriptors.add(self._bell.fileno(), lambda: self._housekeeping.asking.drain(self._bell))
        self._next_look = 0.0
        self._is_failing = False
        self._reopened = journal.reopened
        #: What daemon.json says: running or stopping.
        self.state = "running"

    def start(self) -> None:
        """Announce this process, and take over the attempts of an earlier daemon."""
        self._housekeeping.beat(0, 0, self.state)
        self._cancel_abandoned()
        self._engine.start()

    def run(self, is_over: Callable[[], bool]) -> None:
        """Run until the end. Raises DiskFailing, or Fenced if a newer daemon has the workspace."""
        self._journal.begin_round()
        while not is_over():
            self._round()
            self._descriptors.wait(self._wait_seconds())
            self._journal.begin_round()

    def close(self) -> None:
        """Release everything. The runs continue."""
        if self._sampling is not None:
            self._sampling.close()
        self._engine.close()
        self._bell.close()
        self._housekeeping.asking.answer(is_shown=False)
        self._descriptors.close()

    def last_words(self) -> None:
        """Update the exports and announce that this process is gone."""
        self._housekeeping.export(force=True)
        jobs, gpu_jobs = self._engine.active_jobs, self._engine.active_gpu_jobs
        self._housekeeping.beat(jobs, gpu_jobs, "stopped", force=True)

    def _round(self) -> None:
        try:
            self._mend()
            if self._sampling is not None:
                self._sampling.step(may_ask=not self._engine.is_draining)
            self._engine.tick()
            self._housekeeping.export()
            jobs, gpu_jobs = self._engine.active_jobs, self._engine.active_gpu_jobs
            self._housekeeping.beat(
                jobs,
                gpu_jobs,
                self.state,
                gpu_problem=self._engine.gpu_problem,
                gpus=self._engine.told_gpus(),
                backend_problem=self._engine.backend_problem,
                backend_note=self._engine.backend_note,
                nodes=self._engine.nodes,
            )
            self._housekeeping.checkpoint()
            self._housekeeping.tidy()
            self._look_round()
            self._notices.hear(self._engine.gate.problem, self._engine.epoch)
            self._notices.look()
            self._is_failing = False
        except (DiskFull, ReadOnlyDisk, JournalBusy) as error:
            self._fail(error)
        except OSError as error:
            self._fail(error)

    def _mend(self) -> None:
        """Repair a deleted -wal or -shm file, before anything is written that nobody else would see."""
        if self._identity() != self._home:
            raise Fenced("the workspace was moved or replaced")
        if self._journal.is_replaced():
            raise JournalReplaced(
                "the journal was deleted or replaced under the daemon",
                where=str(self._workspace.journal),
            )
        if self._journal.is_detached():
            self._journal.reattach()
        if self._reopened != self._journal.reopened:  # perhaps a write of the last round has done it
            self._reopened = self._journal.reopened
            message = "the journal's -wal or -shm file was deleted under the daemon; nothing of it is lost"
            log(f"WARNING: {message}")

    def _identity(self) -> tuple[int, int]:
        """Return the identity of the folder `.runforge`; zeros if there is none. OSError if that cannot be seen now."""
        try:
            info = os.stat(self._workspace.hidden)
        except (FileNotFoundError, NotADirectoryError):
            return 0, 0
        return info.st_dev, info.st_ino

    def leave_behind(self) -> str:
        """Keep a copy of the queue beside the file that replaced the journal; return a message about it."""
        try:
            kept = f"the queue as it was is kept at {self._journal.keep()}"
        except (RunForgeError, OSError) as problem:
            kept = f"the queue as it was cannot be kept: {explained(problem)}"
        with contextlib.suppress(RunForgeError):
            jobs, gpu_jobs = self._engine.active_jobs, self._engine.active_gpu_jobs
            self._housekeeping.beat(jobs, gpu_jobs, "stopped", force=True)
        return kept

    def _fail(self, error: Exception) -> None:
        if not self._is_failing:
            log(f"WARNING: {explained(error)}; trying again")
        self._is_failing = True

    def _look_round(self) -> None:
        if time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + _LOOK_ROUND
        if not self._lock.is_ours():
            raise Fenced("the daemon lock was deleted or replaced")
        self._housekeeping.repair()
        self._cancel_abandoned()

    def _cancel_abandoned(self) -> None:
        canceled = abandoned.cancel(self._workspace, self._journal)
        if canceled:
            log(abandoned.told(canceled))

    def _wait_seconds(self) -> float:
        engine = self._engine.wait_seconds()
        if self._is_failing:  # what waits to be written is tried again after a pause
            return _BACK_OFF if engine is None else min(_BACK_OFF, max(engine, POLL_SECONDS))
        wishes = [self._housekeeping.wait_seconds(), self._notices.wait_seconds(), engine]
        if self._sampling is not None and not self._engine.is_draining:
            wishes.append(self._sampling.wait_seconds())
        return min(wish for wish in wishes if wish is not None)
