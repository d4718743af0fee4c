"""Files that survive a crash: whole or absent, never half.

Standard library only: supervisors use it too. Nothing here opens the journal.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from runforge import failpoints

TEMPORARY_PREFIX = ".rf-tmp-"
_LEAST_READ = 4096
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


def write_atomic(
    path: Path,
    data: bytes | Iterable[bytes],
    *,
    durable: bool = True,
    mode: int = 0o600,
    sync_folder: bool = True,
) -> os.stat_result:
    """Replace a file so that a reader sees the old content or the new one, whole; return what it is now.

    The temporary file has an unpredictable name in the same folder (a planted link cannot be
    followed). With `durable` both the file and its folder entry are on disk when this returns; without
    `sync_folder` the entry is only with the next sync of anything later (journaled file systems keep
    that order), which serves where such a sync follows anyway.
    Raises OSError; the old file is then untouched.
    """
    temporary = path.parent / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
    descriptor = os.open(temporary, _NEW, mode)
    try:
        try:
            for part in (data,) if isinstance(data, bytes) else data:
                _write_all(descriptor, part)
            if durable:
                os.fsync(descriptor)
            info = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        failpoints.hit("file.written")
        os.replace(temporary, path)
        failpoints.hit("file.replaced")
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    if durable and sync_folder:
        fsync_dir(path.parent)
    return info


def _write_all(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def write_new(path: Path, data: bytes, *, mode: int = 0o600, durable: bool = True) -> None:
    """Create a file and sync its content; FileExistsError if it is there. The caller syncs the folder."""
    descriptor = os.open(path, _NEW, mode)
    try:
        _write_all(descriptor, data)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_file(path: Path) -> None:
    """Make a file's content durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fsync_dir(folder: Path) -> None:
    """Make the entries of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_bounded(path: Path, limit: int) -> bytes:
    """Return a regular file's bytes; OSError if it is a link, no regular file, or over the limit."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        if info.st_size > limit:
            raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
        data = b""
        while part := os.read(descriptor, min(max(info.st_size, _LEAST_READ), limit) + 1 - len(data)):
            data += part
    finally:
        os.close(descriptor)
    if len(data) > limit:
        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return data


def make_dir(folder: Path) -> None:
    """Create a folder, and its parents, for the owner alone whatever the umask."""
    if folder.is_dir():
        return
    make_dir(folder.parent)
    try:
        folder.mkdir(0o700)
    except FileExistsError:
        if not folder.is_dir():
            raise
