"""Wakes this process when a name appears in a folder or leaves it, or when a child has ended. One folder at a time.

Linux sends SIGIO for a folder (dnotify). Unlike inotify, of which a user has 128 in all, there is no limit to it: 256
supervisors leave other programs theirs.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
from pathlib import Path
from types import FrameType

from runforge.machine.os_process import IS_LINUX

_CHUNK = 4096


class FolderEvents:
    """The events of a folder, for the main thread. `wake` is readable when there are some; close it at the end."""

    def __init__(self, folder: Path) -> None:
        """Begin to watch. Raises OSError or ValueError where that is not possible; then nothing is left open."""
        if not IS_LINUX:
            raise OSError("this system sends no signal for a folder")
        with contextlib.ExitStack() as opened:
            self._folder = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            opened.callback(os.close, self._folder)
            self.wake, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            opened.callback(os.close, self._write)
            opened.callback(os.close, self.wake)
            # SIGIO ends a process that has no handler.
            signal.signal(signal.SIGIO, _nothing)
            signal.signal(signal.SIGCHLD, _nothing)
            opened.callback(signal.signal, signal.SIGCHLD, signal.SIG_DFL)
            signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
            opened.callback(signal.set_wakeup_fd, -1)
            events = fcntl.DN_CREATE | fcntl.DN_DELETE | fcntl.DN_RENAME | fcntl.DN_MULTISHOT
            fcntl.fcntl(self._folder, fcntl.F_NOTIFY, events)
            self._opened = opened.pop_all()

    def has_changed(self) -> bool:
        """Return whether the folder has changed since the last call. Otherwise a child has ended."""
        told = b""
        with contextlib.suppress(BlockingIOError):
            while data := os.read(self.wake, _CHUNK):
                told += data
        return signal.SIGIO in told

    def close(self) -> None:
        """End the watch. The handler of SIGIO stays: a last signal may be under way."""
        self._opened.close()


def _nothing(_number: int, _frame: FrameType | None) -> None:
    """Do nothing: the number is in the pipe."""
