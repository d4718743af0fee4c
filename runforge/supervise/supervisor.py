"""The supervisor: one small process that sees a run through, and outlives daemon and zygote.

lock -> exit record allocated -> claim -> worker -> log pump -> leftovers killed -> result -> exit record.
It ignores TERM, INT and HUP: only a cancel file, or SIGKILL, ends it before its run.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import select
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runforge import clock, failpoints
from runforge.attempts import exit_record, refusal, start_marker
from runforge.attempts.cleanup import TREE_LOCK
from runforge.attempts.report import SUPERVISOR_LOCK
from runforge.core.outcome import ExitRecord
from runforge.files import durable
from runforge.machine import os_process
from runforge.supervise import worker_process
from runforge.supervise.log_pump import LogPump

#: How often the cancel file is looked for.
TICK_MS = 100
#: Whoever asks whether a supervisor lives holds its lock for an instant; longer, and it is a supervisor.
_LOCK_TRIES = 40
_LOCK_PAUSE = 0.005
_SWEEP_TERM_SECONDS = 0.3
CANCEL = "cancel"
#: What an attempt leaves in the run folder besides its result, which is synced as it is written.
_LEFT = ("logs.txt", "metrics.jsonl", "artifacts")


def supervise(spec_path: Path, digest: str = "") -> bool:
    """Run the attempt of a spec file to its end; return whether its exit record stands.

    If not, the attempt belongs to another, or its end is to be judged by this process being gone.
    """
    data = spec_path.read_bytes()
    if digest and hashlib.sha256(data).hexdigest() != digest:
        refusal.leave_forged(spec_path.parent)
        return False
    spec = json.loads(data)
    folder = Path(spec["attempt_dir"])
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    os.umask(0o077)
    lock = _lock(folder)
    if lock is None:
        return False
    failpoints.hit("supervisor.locked")
    os_process.become_subreaper()
    with refusal.left(folder):
        # Allocated before the claim: a full disk then fails the launch, not a run that has started.
        record = exit_record.preallocate(folder)
        failpoints.hit("supervisor.allocated")
        is_ours = start_marker.claim(folder, spec["token"])
    if not is_ours:
        return False
    failpoints.hit("claim.won")
    is_recorded = Supervisor(spec, folder, record).run()
    if is_recorded:  # else the lock goes with the process: whoever finds it free finds nobody alive
        os.close(lock)
    return is_recorded


def _lock(folder: Path) -> int | None:
    """Take the attempt's lock; None if another supervisor has it."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(folder / SUPERVISOR_LOCK, flags, 0o600)
    for _ in range(_LOCK_TRIES):
        if _try_lock(lock):
            return lock
        time.sleep(_LOCK_PAUSE)
    os.close(lock)
    return None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclass(slots=True)
class _Stop:
    """A cancel under way."""

    since: float
    killed: bool = False


class Supervisor:
    """One claimed attempt, from start to exit record."""

    def __init__(self, spec: dict[str, Any], folder: Path, record: int) -> None:
        self._spec = spec
        self._folder = folder
        self._record = record
        self._stop: _Stop | None = None
        self._status: int | None = None
        self._pid = -1
        self._refusal: int | None = None
        self._pump = LogPump(
            Path(spec["run_dir"]),
            limit=spec["log_limit_bytes"],
            reads_metrics=spec["argv"] is not None,
            echo=spec.get("echo", False),
        )

    def run(self) -> bool:
        """Start the worker, see it through, write down how it ended; return whether that worked."""
        started_at, start = clock.now(), time.monotonic()
        ooms = os_process.oom_kills()
        self._pump.open()
        error = None
        if self._is_cancel_wanted():
            self._stop = _Stop(start)
        else:
            self._pump.say(self._spec["preamble"])
            error = self._work()
        ending = self._ending(error, started_at, start, ooms)
        self._pump.close()
        self._pump.say(self._finish(ending))
        # Or a power cut would leave a run that has succeeded, and an empty model.
        for name in _LEFT:
            durable.sync_tree(Path(self._spec["run_dir"], name))
        failpoints.hit("exit.result_left")
        is_recorded = self._write(ending)
        failpoints.hit("exit.recorded")
        self._pump.release()
        return is_recorded

    def _work(self) -> str | None:
        """Start the worker and see it through; return why it could not be started, if so."""
        try:
            tree = durable.open_file(self._folder / TREE_LOCK, os.O_RDWR | os.O_CREAT)
        except OSError as failure:
            self._refusal = failure.errno
            return f"{TREE_LOCK} could not be made: {failure.strerror}"
        try:
            self._pid, pipe = worker_process.start(self._spec, tree)
        except OSError as failure:
            self._refusal = failure.errno
            return f"the run's process could not be created: {failure.strerror}"
        except worker_process.NoProgram as failure:
            self._pump.say([f"[RunForge: could not be started: {failure}]"])
            return str(failure)
        finally:
            os.close(tree)
        failpoints.hit("worker.forked")
        self._watch(pipe)
        failpoints.hit("worker.ended")
        self._kill_leftovers(pipe)
        failpoints.hit("worker.swept")
        self._pump.drain(pipe)
        os.close(pipe)
        return None

    # --- while it runs -------------------------------------------------------------------------

    def _watch(self, pipe: int) -> None:
        """Pump and look for a cancel until the worker itself has ended."""
        poller = select.poll()
        poller.register(pipe, select.POLLIN)
        handle = os_process.pidfd_open(self._pid)
        if handle is not None:
            poller.register(handle, select.POLLIN)
        next_tick = time.monotonic()
        while self._status is None:
            for descriptor, _ in poller.poll(TICK_MS):
                if descriptor == pipe and not self._pump.pump(pipe):
                    poller.unregister(pipe)
            self._reap()
            if time.monotonic() >= next_tick:
                next_tick = time.monotonic() + TICK_MS / 1000
                self._look_for_cancel()
        if handle is not None:
            os.close(handle)

    def _reap(self) -> None:
        """Collect whoever has ended: the worker, and orphans of its that became our children."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if pid == self._pid:
                self._status = status

    def _is_cancel_wanted(self) -> bool:
        return (self._folder / CANCEL).exists()

    def _look_for_cancel(self) -> None:
        if self._status is not None:
            return
        if self._stop is None:
            if self._is_cancel_wanted():
                self._stop = _Stop(time.monotonic())
                self._signal_tree(signal.SIGTERM)
                self._signal_tree(signal.SIGCONT)
        elif time.monotonic() - self._stop.since >= self._spec["grace_seconds"]:
            self._stop.killed = True
            self._signal_tree(signal.SIGKILL)

    def _signal_tree(self, number: int) -> None:
        for pid in os_process.descendants():
            os_process.send(pid, number)

    def _kill_leftovers(self, pipe: int) -> None:
        """End what the worker left behind, first kindly; as subreaper we have it all."""
        start = time.monotonic()
        is_first = True
        os.set_blocking(pipe, False)
        while True:
            self._reap()
            if not os_process.children():
                return
            is_soft = time.monotonic() - start < _SWEEP_TERM_SECONDS
            if is_first or not is_soft:
                self._signal_tree(signal.SIGTERM if is_soft else signal.SIGKILL)
            is_first = False
            self._pump.pump(pipe)
            time.sleep(0.005)

    # --- at the end ----------------------------------------------------------------------------

    def _ending(self, error: str | None, started_at: str, start: float, ooms: int) -> dict[str, Any]:
        code, number = None, None
        if self._status is not None:
            if os.WIFSIGNALED(self._status):
                number = os.WTERMSIG(self._status)
            else:
                code = os.WEXITSTATUS(self._status)
        is_oom = number == signal.SIGKILL and self._stop is None and os_process.oom_kills() > ooms
        return {
            "exit_code": code,
            "signal": number,
            "canceled": self._stop is not None,
            "oom": is_oom,
            "spawn_error": error,
            "started_at": started_at,
            "finished_at": clock.now(),
            "duration_ms": int((time.monotonic() - start) * 1000),
        }

    def _finish(self, ending: dict[str, Any]) -> list[str]:
        """Let the run's kind leave its result; a failure there must not cost the exit record."""
        if not self._spec["finish"]:
            return []
        try:
            return list(worker_process.resolve(self._spec["finish"])(self._spec, ending, self._pump.rejected))
        except BaseException as error:  # noqa: BLE001 - a sys.exit in there too
            return [f"[RunForge: the result could not be written: {error!r}]"]

    def _write(self, ending: dict[str, Any]) -> bool:
        record = ExitRecord(
            token=self._spec["token"],
            log_bytes=self._pump.written,
            dropped_bytes=self._pump.dropped,
            spawn_errno=self._refusal,
            **ending,
        )
        try:
            exit_record.write(self._record, record)
        except OSError:
            return False
        finally:
            os.close(self._record)
        return True
