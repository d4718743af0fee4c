"""The daemon process: lock, epoch, loop, and a clean way out."""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from typing import TYPE_CHECKING, Any

from runforge import clock, failpoints
from runforge.backends.local.backend import LocalBackend
from runforge.core.daemon_row import DaemonRow
from runforge.core.devices import NO_LIMIT
from runforge.core.outcome import Ending
from runforge.core.records import Job
from runforge.core.scheduling import Machine
from runforge.core.states import State
from runforge.daemon import predecessor
from runforge.daemon.claims import Claims
from runforge.daemon.engine import Engine
from runforge.daemon.lock import DaemonLock
from runforge.daemon.log import log
from runforge.daemon.loop import Descriptors, Loop, Signals
from runforge.daemon.replace import replace_holder
from runforge.daemon.sampling import Sampling
from runforge.daemon.settings import Listener, Settings
from runforge.errors import InternalError, InvalidRequest, OperationFailed, RunForgeError
from runforge.files.permissions import become_private
from runforge.machine import os_process, size
from runforge.metrics import tokens
from runforge.store import records
from runforge.store.failures import DiskFailing, DiskFull, Fenced, JournalBusy, JournalReplaced, ReadOnlyDisk
from runforge.store.journal import Journal
from runforge.store.opening import exists, open_journal
from runforge.store.recovery import swap
from runforge.workspace import Workspace

if TYPE_CHECKING:
    from runforge.backends.slurm.options import SlurmOptions

ORPHANS = ("requeue", "fail", "cancel")
#: The exit code after a second signal.
_KILLED = 130


def check_settings(settings: Settings) -> None:
    """Raise InvalidRequest for numbers that no daemon can work with."""
    if settings.max_parallel < 1:
        raise InvalidRequest(f"--max-parallel {settings.max_parallel} is too small", fix="Give at least 1")
    if settings.gpu_slots is not None and settings.gpu_slots < 0:
        raise InvalidRequest(f"--gpu-slots {settings.gpu_slots} is negative", fix="Give 0 for none, or more")
    if settings.orphans not in ORPHANS:
        raise InvalidRequest(
            f"--orphans {settings.orphans!r} is unknown", fix=f"Use one of {', '.join(ORPHANS)}"
        )


def run_daemon(
    workspace: Workspace,
    *,
    max_parallel: int = 2,
    gpu_slots: int | None = None,
    orphans: str = "requeue",
    devices: str | None = None,
    replace: bool = False,
    slurm: SlurmOptions | None = None,
) -> int:
    """Run the workspace's daemon until it is told to stop; return the exit code.

    Raises OperationFailed with the pid if another daemon is running.
    """
    settings = Settings(max_parallel, gpu_slots, orphans, devices, slurm)
    check_settings(settings)
    umask = become_private()
    exists(workspace)  # refused before anything is made if the journal is missing
    workspace.prepare()
    if replace:
        replace_holder(workspace)
    lock = DaemonLock.take(workspace)
    try:
        failpoints.hit("daemon.locked")
        swap.clear(workspace)
        with open_journal(workspace, create=True) as journal:
            return Daemon(workspace, journal, lock, settings, umask).run()
    finally:
        lock.release()


def _say(line: str) -> None:
    try:
        print(line, flush=True)
    except OSError:
        # The reader of this output is gone (closed pipe, full disk); the queue continues.
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def _said_started(job: Job) -> None:
    _say(tokens.job_started(job.job_id, job.run_id, gpu=job.requires_gpu))


def _said_done(job: Job, ending: Ending) -> None:
    state = "requeued" if ending.state is State.QUEUED else ending.state.value
    _say(tokens.job_done(job.job_id, job.run_id, state))


def _require_same_place(running: Any, backend: str) -> None:
    """Refuse a daemon for the runs of another place: it cannot see them, and would start them again."""
    count, where = (running["there"], "slurm") if backend == "local" else (running["here"], "local")
    if count:
        noun = "run goes on" if count == 1 else "runs go on"
        raise OperationFailed(
            f"{count} {noun} under --backend {where}, which this daemon would not see",
            fix=f"Run `runforge daemon --backend {where}` until they have ended",
        )


def take_over(journal: Journal, settings: Settings) -> int:
    """Write this daemon into the journal and return its epoch. Older daemons can then write no more.

    OperationFailed if runs go on where this daemon cannot see them.
    """
    with journal.write() as tx:
        _require_same_place(tx.row("attempts.elsewhere"), settings.backend)
        now = clock.now()
        gone = predecessor.found(journal.workspace, records.daemon(tx.row("journal.daemon")), now)
        if gone is not None:
            predecessor.note(tx, gone, now)
            log(f"WARNING: {gone.words}")
        row = tx.row(
            "journal.take_over",
            pid=os.getpid(),
            boot_id=os_process.boot_id(),
            now=now,
            start_ticks=os_process.start_ticks(os.getpid()),
            max_parallel=settings.max_parallel,
            gpu_slots=1 if settings.gpu_slots is None else settings.gpu_slots,
        )
        is_auto = int(settings.gpu_slots is None)
        tx.run("journal.set_gpu_choice", gpu_auto=is_auto, devices=settings.devices)
        tx.run("journal.set_backend", backend=settings.backend)
        return int(row[0])


def local_engine(
    workspace: Workspace,
    journal: Journal,
    epoch: int,
    settings: Settings,
    listener: Listener,
    descriptors: Descriptors,
    *,
    umask: int,
    only_lane: int | None = None,
) -> Engine:
    """Return an engine that runs its jobs on this machine; `only_lane` restricts it to one group."""
    backend = LocalBackend(
        workspace,
        descriptors,
        max_parallel=settings.max_parallel,
        umask=umask,
        log=listener.log,
        devices=settings.devices,
    )
    gpus = backend.capacity(is_in_use=False)
    machine = Machine(size.cpus(), size.mem_mb() or None)
    slots = settings.max_parallel, settings.gpu_slots
    claims = Claims(epoch, *slots, gpus, machine=machine, only_lane=only_lane)
    return Engine(journal, backend, clock.SYSTEM, claims, listener, orphans=settings.orphans)


def slurm_engine(
    workspace: Workspace,
    journal: Journal,
    epoch: int,
    settings: Settings,
    listener: Listener,
    descriptors: Descriptors,
    *,
    umask: int,
    options: SlurmOptions,
) -> Engine:
    """Return an engine that runs its jobs as jobs of Slurm: what they need is Slurm's to count."""
    from runforge.backends.slurm import verdict
    from runforge.backends.slurm.backend import SlurmBackend

    backend = SlurmBackend(workspace, descriptors, options, umask=umask, log=listener.log)
    claims = Claims(epoch, settings.max_parallel, NO_LIMIT, backend.capacity(is_in_use=False))
    claims.place = "slurm"
    return Engine(
        journal, backend, clock.SYSTEM, claims, listener, orphans=settings.orphans, decide=verdict.decide
    )


class Daemon:
    """The loop around the engine, and when it is to stop."""

    def __init__(
        self,
        workspace: Workspace,
        journal: Journal,
        lock: DaemonLock,
        settings: Settings,
        umask: int,
    ) -> None:
        self._journal = journal
        self._settings = settings
        self._epoch = take_over(journal, settings)
        if settings.slurm is not None:
            workspace.share_attempts()
        failpoints.hit("daemon.took_over")
        descriptors = Descriptors()
        listener = Listener(_said_started, _said_done, log)
        how = workspace, journal, self._epoch, settings, listener, descriptors
        if settings.slurm is None:
            self._engine = local_engine(*how, umask=umask)
        else:
            self._engine = slurm_engine(*how, umask=umask, options=settings.slurm)
        sampling = Sampling(journal, descriptors, self._epoch, settings.max_parallel, log)
        self._loop = Loop(workspace, journal, lock, self._engine, descriptors, sampling)
        self._signals = Signals(journal, descriptors, _KILLED)
        self._read: tuple[int, DaemonRow] | None = None
        self._told_gpu_slots = 1 if settings.gpu_slots is None else settings.gpu_slots
        self._tell_gpu_slots()

    def run(self) -> int:
        """Loop until told to stop; return the exit code."""
        self._loop.start()
        _say(tokens.daemon_started(os.getpid(), self._settings.max_parallel, self._engine.gpu_slots))
        gc.freeze()  # what is there now stays, and is not looked through again and again
        try:
            self._loop.run(self._is_over)
        except Fenced as error:
            print(f"ERROR: {error}; this daemon ends, running runs continue", file=sys.stderr, flush=True)
            return InternalError.exit_code
        except JournalReplaced as error:
            kept = self._loop.leave_behind()
            log(f"ERROR: {error}; {kept}; nothing more is launched, running runs continue")
            return InternalError.exit_code
        except DiskFailing as error:
            log(f"ERROR: {error}; nothing more is launched, running runs continue")
            # At once: SQLite would sync again when it closes the journal, and Linux, which has dropped the
            # pages that it could not write, would say that all is well.
            os._exit(InternalError.exit_code)
        finally:
            self._loop.close()
        self._say_goodbye()
        return 0

    def _is_over(self) -> bool:
        """Return whether to stop: after a signal, a `stop`, or a finished drain."""
        if self._signals.count:
            return True
        self._tell_gpu_slots()
        row = self._row()
        if row.epoch != self._epoch:
            raise Fenced("a newer daemon has taken over this workspace")
        if row.wanted == "stop":
            return True
        if row.wanted != "drain":
            return False
        self._engine.is_draining = True
        self._loop.state = "stopping"
        is_late = row.drain_until is not None and clock.now() >= row.drain_until
        return self._engine.active_jobs == 0 or is_late

    def _tell_gpu_slots(self) -> None:
        """Write down how many GPU slots there are: a device may have come."""
        slots = self._engine.gpu_slots
        if slots == self._told_gpu_slots:
            return
        with contextlib.suppress(DiskFull, ReadOnlyDisk, JournalBusy):  # the next round tries again
            with self._journal.write(self._epoch) as tx:
                tx.run("journal.set_gpu_slots", gpu_slots=slots)
            self._told_gpu_slots = slots

    def _row(self) -> DaemonRow:
        """Return what others want from this daemon; read again after each commit of others."""
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
        except RunForgeError as error:
            print(f"WARNING: {error}", file=sys.stderr, flush=True)
        self._loop.last_words()
        if left:
            noun = "run continues" if left == 1 else "runs continue"
            print(f"{left} {noun}; the next daemon adopts them", file=sys.stderr, flush=True)
        _say(tokens.daemon_stopped(os.getpid()))
