"""Which folders only this run has, so that a file that changes there is its own.

Each run of a workspace notes the folder where it starts and the folders in its arguments. There is a small file
for each such folder: a run adds its mark when it starts and holds a lock on the file while it goes on. A run is
alone in a folder if nobody had the lock when it started and nobody has added a mark since.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import struct
import time
import zlib
from collections.abc import Iterable
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from runforge.files.durable import make_dir, open_file

#: The folder with the small files, in the workspace's `.runforge`.
NAME = "folders"
_MARK = b"x"
_MOST_BYTES = 64 * 1024
#: So many folders of one run are noted.
MOST_FOLDERS = 8
_TRIES = 5
_PAUSE = 0.001
#: One run in so many deletes small files that are older than this.
_SWEEPS = 64
_SWEPT_SECONDS = 24 * 3600.0
_MOST_SWEPT = 1000


class Whose(Enum):
    """Who has a folder, or had it since this run started."""

    NOBODY = "nobody"
    OURS = "ours"
    OTHERS = "others"
    SHARED = "shared"


class _Claim(NamedTuple):
    """A folder that this run has: its small file, the place after this run's mark, who was there before."""

    descriptor: int
    end: int
    was_alone: bool


class FolderClaims:
    """The folders of one run, from its start to its end."""

    def __init__(self, state: Path, token: str) -> None:
        self._state = state / NAME
        self._sweeps = zlib.crc32(token.encode()) % _SWEEPS == 0
        self._started = time.time()
        self._claims: dict[str, _Claim] = {}

    def claim(self, folders: Iterable[str]) -> None:
        """Note folders, given by their real paths. Without the small files nobody counts as alone."""
        with contextlib.suppress(OSError):
            if not self._state.parent.is_dir():
                return
            make_dir(self._state)
            for folder in list(dict.fromkeys(folders))[:MOST_FOLDERS]:
                self._claims[folder] = self._begin(self._file(folder))
            if self._sweeps:
                self._sweep()

    def _file(self, folder: str) -> Path:
        return self._state / hashlib.blake2b(os.fsencode(folder), digest_size=16).hexdigest()

    def _begin(self, path: Path) -> _Claim:
        """Add the mark and take the lock. Raises OSError."""
        for _ in range(_TRIES):
            descriptor = open_file(path, os.O_RDWR | os.O_CREAT | os.O_APPEND)
            is_alone = _lock(descriptor, fcntl.F_WRLCK)
            if (is_alone or _lock(descriptor, fcntl.F_RDLCK)) and _is_at(descriptor, path):
                # The marks of runs that have ended say nothing to anybody. To cut a file takes long.
                if is_alone and os.fstat(descriptor).st_size > _MOST_BYTES:
                    os.ftruncate(descriptor, 0)
                os.write(descriptor, _MARK)
                end = os.lseek(descriptor, 0, os.SEEK_CUR)
                _lock(descriptor, fcntl.F_RDLCK)
                return _Claim(descriptor, end, is_alone)
            os.close(descriptor)
            time.sleep(_PAUSE)
        raise BlockingIOError

    def whose(self, folder: str) -> Whose:
        """Return who has a folder."""
        claim = self._claims.get(folder)
        try:
            if claim is None:
                return Whose.OTHERS if self._is_in_use(self._file(folder)) else Whose.NOBODY
            is_alone = claim.was_alone and os.fstat(claim.descriptor).st_size == claim.end
        except OSError:
            return Whose.SHARED
        return Whose.OURS if is_alone else Whose.SHARED

    def _is_in_use(self, path: Path) -> bool:
        """Return whether another run has a folder or had it since this run started."""
        try:
            descriptor = open_file(path, os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            is_old = os.fstat(descriptor).st_mtime < self._started
            return not (is_old and _lock(descriptor, fcntl.F_WRLCK))
        finally:
            os.close(descriptor)

    def release(self) -> None:
        """Give the folders back. The time of the small files says that they were in use until now."""
        for claim in self._claims.values():
            with contextlib.suppress(OSError):
                os.utime(claim.descriptor)
            os.close(claim.descriptor)
        self._claims = {}

    def _sweep(self) -> None:
        """Delete the small files of folders that no run has had for long."""
        with os.scandir(self._state) as entries:
            old = [entry.name for entry, _ in zip(entries, range(_MOST_SWEPT), strict=False)]
        for name in old:
            path = self._state / name
            with contextlib.suppress(OSError):
                if time.time() - path.stat().st_mtime > _SWEPT_SECONDS:
                    self._delete(path)

    def _delete(self, path: Path) -> None:
        descriptor = open_file(path, os.O_RDWR)
        try:
            if _lock(descriptor, fcntl.F_WRLCK) and _is_at(descriptor, path):
                path.unlink()
        finally:
            os.close(descriptor)


def _lock(descriptor: int, kind: int) -> bool:
    """Take a lock that belongs to the open file, or change its kind; False if others have one."""
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, struct.pack("hhqqi", kind, os.SEEK_SET, 0, 0, 0))
    except OSError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether a path still names the open file."""
    try:
        return os.path.samestat(os.fstat(descriptor), os.stat(path, follow_symlinks=False))
    except OSError:
        return False
