"""The writers' lock: a process that changes the journal holds the flock on `runforge.lock`.

With SQLite's busy handler alone, writers starve (docs/reliability.md).
"""

from __future__ import annotations

import fcntl
import time

from runforge import blocks
from runforge.files.durable import open_file
from runforge.store import daemon_holder
from runforge.store.failures import JournalBusy
from runforge.store.sqlite import WRITE_TIMEOUT
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from runforge.paths import Path
    from runforge.workspace import Workspace

    #: Says whether to stop waiting: a daemon that was told to end does not wait for a writer that hangs.
    GiveUp = Callable[[], bool]


class _LockTimeout(Exception):
    pass


#: Seconds between two looks whether to stop waiting.
_SLICE = 0.25


def _lock_or_raise(descriptor: int, seconds: float, give_up: GiveUp | None) -> None:
    """Take the flock; _LockTimeout if that takes too long."""
    if _is_locked_now(descriptor):
        return
    import threading  # only needed by a process that waits; most do not

    if threading.current_thread() is threading.main_thread():
        _lock_with_alarm(descriptor, seconds, give_up)
    else:
        _lock_by_polling(descriptor, seconds)


def _lock_with_alarm(descriptor: int, seconds: float, give_up: GiveUp | None) -> None:
    import signal

    deadline = time.monotonic() + seconds

    def ring(_signal: int, _frame: FrameType | None) -> None:
        if time.monotonic() >= deadline or (give_up is not None and give_up()):
            raise _LockTimeout

    # The kernel's queue is fair, polling is not. Only the main thread may use signals. Each alarm costs the
    # place in the queue, so it rings again only if `give_up` must be asked.
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, *((seconds, _SLICE) if give_up is None else (_SLICE, _SLICE)))
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _lock_by_polling(descriptor: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    pause = 0.0005
    while not _is_locked_now(descriptor):
        if time.monotonic() > deadline:
            raise _LockTimeout
        time.sleep(pause)
        pause = min(pause * 2, 0.01)


def _is_locked_now(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def open_lock(workspace: Workspace) -> int:
    """Return a descriptor of the writers' lock file."""
    return open_file(workspace.write_lock, os.O_RDWR | os.O_CREAT)


@blocks.contextmanager
def held(lock: int, journal: Path, give_up: GiveUp | None = None) -> Iterator[None]:
    """Hold the lock; JournalBusy if it is not free in time, or once `give_up` says so."""
    start = time.monotonic()
    try:
        _lock_or_raise(lock, WRITE_TIMEOUT, give_up)
    except _LockTimeout:
        raise _busy(lock, journal, time.monotonic() - start) from None
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


def _busy(lock: int, journal: Path, seconds: float) -> JournalBusy:
    pid = daemon_holder.flock_holder(os.fstat(lock).st_ino)
    state = daemon_holder.process_state(pid)
    who, fix = "another program", "Try again when it has ended"
    if pid is not None:
        who = f"the process with pid {pid}{' (stopped)' * (state == 'T')}"
        fix = f"`kill -CONT {pid}` lets it continue" if state == "T" else f"`ps {pid}` shows what it does"
    message = f"the journal is busy: {who} has held it for {seconds:.0f} s"
    return JournalBusy(message, where=str(journal), fix=fix)


@blocks.contextmanager
def writers_held_off(workspace: Workspace) -> Iterator[None]:
    """Hold the writers' lock without opening the journal, which may be damaged."""
    lock = open_lock(workspace)
    try:
        with held(lock, workspace.journal):
            yield
    finally:
        os.close(lock)
