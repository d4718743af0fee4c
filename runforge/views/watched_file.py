"""A file that a run writes while it is shown: it may be missing, grow, be cut, replaced or deleted.

It owns one descriptor. Links, pipes and devices are refused, because a run may make anything in its folder.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from runforge.files.durable import open_file


class WatchedFile:
    """The regular file at a path."""

    def __init__(self, path: Path) -> None:
        self.path = path
        #: Bytes at the last look.
        self.size = 0
        self._descriptor: int | None = None
        self._identity: tuple[int, int] | None = None

    def look(self) -> bool:
        """Look at the file; return True if what was read before is no longer valid."""
        had_one = self._descriptor is not None
        try:
            info = os.stat(self.path, follow_symlinks=False)
        except OSError:
            self.close()
            return had_one
        if had_one and (info.st_dev, info.st_ino) == self._identity:
            before, self.size = self.size, info.st_size
            return self.size < before
        self.close()
        if stat.S_ISREG(info.st_mode):
            self._open()
        return had_one or self._descriptor is not None

    def _open(self) -> None:
        try:
            descriptor = open_file(self.path, os.O_RDONLY)
        except OSError:
            return
        info = os.fstat(descriptor)
        self._descriptor, self._identity, self.size = descriptor, (info.st_dev, info.st_ino), info.st_size

    def read(self, offset: int, length: int) -> bytes:
        """Return the bytes that the file has; nothing if it cannot be read."""
        if self._descriptor is None or length <= 0:
            return b""
        try:
            return os.pread(self._descriptor, length, offset)
        except OSError:
            return b""

    def close(self) -> None:
        """Close the file; a later look opens it again."""
        if self._descriptor is not None:
            os.close(self._descriptor)
        self._descriptor, self._identity, self.size = None, None, 0
