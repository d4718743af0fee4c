"""The lock of an attempt: while a process holds it, its supervisor is alive."""

from __future__ import annotations

import errno
import fcntl
import os
import time
from pathlib import Path

from runforge.attempts.report import SUPERVISOR_LOCK

#: A process that checks for a supervisor holds the lock for a moment; a longer holder is a supervisor.
_TRIES = 40
_PAUSE = 0.005
_LACKING = {errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP}


def take(folder: Path, *, may_lack: bool = False) -> int | None:
    """Take the attempt's lock; None if another supervisor has it.

    Not every file system has locks. Where it `may_lack` them, the start marker decides alone. Raises OSError.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    lock = os.open(folder / SUPERVISOR_LOCK, flags, 0o600)
    for _ in range(_TRIES):
        try:
            if _try_lock(lock):
                return lock
        except OSError as error:
            if not may_lack or error.errno not in _LACKING:
                os.close(lock)
                raise
            return lock
        time.sleep(_PAUSE)
    os.close(lock)
    return None


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
