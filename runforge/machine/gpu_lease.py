"""Leases of GPUs across queues and users: locks on files in /tmp, one for each device.

A supervisor holds the lock of each of its devices from before its run starts until it has ended: alone for a whole
device, together with other runs of the same queue for a shared one. So a device is taken before CUDA shows it in NVML.

The files are everybody's to open, and anybody may have put something else there. A link is not followed, and what
is no file that can be locked gives no protection and takes none: NVML's memory decides then, and `trouble` says it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import pwd
import re
import stat
import time
from pathlib import Path

#: Another folder for the locks: for tests, which must not meet each other.
VARIABLE = "RUNFORGE_GPU_LOCKS"
_FOLDER = "/tmp"  # noqa: S108 - the one folder that all users share; nothing in it is trusted
_EVERYBODY = 0o666
_LIMIT = 256
#: A look holds a lock for a moment; who holds it longer has it.
_TRIES = 40
_PAUSE = 0.005
_OPENINGS = 8
_READ = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_MARK = re.compile(rb"runforge-queue ([0-9a-f]{16}) (\d{1,9})\n")


class Taken(BlockingIOError):
    """Another queue, or a run that is just ending, holds the device."""

    def __init__(self, uuid: str) -> None:
        super().__init__(errno.EBUSY, "another queue holds the GPU", str(path_of(uuid)))


class Unlockable(OSError):
    """What stands in the place of the lock's file cannot be locked."""


def path_of(uuid: str) -> Path:
    """Return the file of a device's lock."""
    name = re.sub(r"[^A-Za-z0-9-]", "_", uuid)[:100]
    return Path(os.environ.get(VARIABLE) or _FOLDER) / f"runforge-gpu-{name}.lock"


def queue_of(journal: Path) -> str:
    """Return a short name for a queue, by which its supervisors know each other."""
    return hashlib.sha256(os.fsencode(os.path.realpath(journal))).hexdigest()[:16]


def take(uuid: str, queue: str, *, is_whole: bool) -> int | None:
    """Take a device's lock; return the descriptor that holds it, or None where no lock can be had.

    Raises Taken if another queue has the device, or any run if the whole device is wanted.
    """
    is_refused = False
    for _ in range(_TRIES):
        try:
            descriptor = _open(uuid, is_new=True)
        except PermissionError:
            is_refused = True  # perhaps it has just been made, and is not everybody's yet
        except OSError:
            return None
        else:
            is_refused = False
            if _lock(descriptor, queue, is_whole=is_whole) and _is_still_there(descriptor, uuid):
                return descriptor
            os.close(descriptor)
        time.sleep(_PAUSE)  # a look at the lock holds it for a moment too
    if is_refused:
        return None
    raise Taken(uuid)


def _lock(descriptor: int, queue: str, *, is_whole: bool) -> bool:
    if _try(descriptor, fcntl.LOCK_EX):
        # With it alone, this queue puts its name in; then others of the same queue may join.
        if not _write_mark(descriptor, queue):
            return True  # a file that only its owner can write: held alone, which is always safe
        return is_whole or (_try(descriptor, fcntl.LOCK_SH) and _mark(descriptor) == queue)
    if is_whole or not _try(descriptor, fcntl.LOCK_SH):
        return False
    return _mark(descriptor) == queue


def held_by(uuid: str, queue: str | None) -> str | None:
    """Return who holds a device besides this queue, in words; None if nobody does or nothing can be known."""
    try:
        descriptor = _open(uuid, is_new=False)
    except OSError:
        return None
    try:
        if _try(descriptor, fcntl.LOCK_SH) and _is_free(descriptor):
            return None
        return None if _mark(descriptor) == queue else f"another queue{_whose(descriptor)}"
    finally:
        os.close(descriptor)


def _is_free(descriptor: int) -> bool:
    """Return whether nobody else holds it either; with a lock held meanwhile for a moment."""
    return _try(descriptor, fcntl.LOCK_EX)


def trouble(uuid: str) -> str | None:
    """Return why a device's lock protects nothing, in words; None if all is well."""
    path = path_of(uuid)
    try:
        os.close(_open(uuid, is_new=False))
    except FileNotFoundError:
        return None
    except OSError as error:
        return f"{path} cannot be locked: {error.strerror or error}"
    return None


def _open(uuid: str, *, is_new: bool) -> int:
    """Open a lock's file, and make it if need be. Raises Unlockable for what is no plain file."""
    path = path_of(uuid)
    # Not with O_CREAT at once: a kernel that protects sticky folders then refuses the files of others.
    for _ in range(_OPENINGS):
        try:
            return _checked(_open_there(path), path)
        except FileNotFoundError:
            if not is_new:
                raise
        with contextlib.suppress(FileExistsError):
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | _READ, _EVERYBODY)
            os.fchmod(descriptor, _EVERYBODY)  # whatever the umask is
            return descriptor
    raise Unlockable(errno.EBUSY, "it comes and goes", str(path))


def _open_there(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | _READ)
    except PermissionError:
        return os.open(path, os.O_RDONLY | _READ)  # enough for a lock


def _checked(descriptor: int, path: Path) -> int:
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    raise Unlockable(errno.EINVAL, "it is not a file", str(path))


def _try(descriptor: int, kind: int) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write_mark(descriptor: int, queue: str) -> bool:
    try:
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"runforge-queue {queue} {os.getuid()}\n".encode("ascii"), 0)
    except OSError:
        return False
    return True


def _mark(descriptor: int) -> str | None:
    found = _read_mark(descriptor)
    return found[1].decode("ascii") if found else None


def _whose(descriptor: int) -> str:
    """Return the user of the queue that holds a lock, as far as the file tells."""
    found = _read_mark(descriptor)
    if found is None:
        return ""
    with contextlib.suppress(KeyError):
        return f" of {pwd.getpwuid(int(found[2])).pw_name}"
    return f" of user {int(found[2])}"


def _read_mark(descriptor: int) -> re.Match[bytes] | None:
    with contextlib.suppress(OSError):
        return _MARK.match(os.pread(descriptor, _LIMIT, 0))
    return None


def _is_still_there(descriptor: int, uuid: str) -> bool:
    """Return whether the file that is locked is still the one of this name: others lock that one."""
    try:
        there = os.stat(path_of(uuid), follow_symlinks=False)
    except OSError:
        return False
    return os.path.samestat(os.fstat(descriptor), there)
