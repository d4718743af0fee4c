"""The lock that allows one daemon for a workspace, and the check that it is still ours."""

from __future__ import annotations

import fcntl
import os
import time
from pathlib import Path

from runforge.errors import OperationFailed
from runforge.files.durable import open_file
from runforge.store import daemon_holder
from runforge.workspace import Workspace

#: A command that checks for a daemon holds the lock shared for a moment.
_TRIES = 20
_PAUSE = 0.025


class DaemonLock:
    """Held with flock for the daemon's life; the kernel frees it however the daemon ends."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor = descriptor

    @classmethod
    def take(cls, workspace: Workspace) -> DaemonLock:
        """Take the lock, or raise OperationFailed with the pid of the daemon that has it."""
        path = workspace.daemon_lock
        descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
        for _ in range(_TRIES):
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(_PAUSE)
                continue
            lock = cls(path, descriptor)
            if not lock.is_ours():  # the file was replaced between open and flock
                os.close(descriptor)
                return cls.take(workspace)
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            return lock
        os.close(descriptor)
        holder = daemon_holder.holder(workspace)
        pid = holder.pid if holder else None
        raise OperationFailed(
            f"a daemon is running here already (pid {pid})",
            where=str(workspace.root),
            fix="Stop it with `runforge stop-daemon`, or take over with `daemon --replace`",
        )

    def is_ours(self) -> bool:
        """Return whether our locked file is still the one at the path. OSError if that cannot be seen now."""
        try:
            there, held = os.stat(self._path), os.fstat(self._descriptor)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino)

    def release(self) -> None:
        """Give the lock back."""
        os.close(self._descriptor)
