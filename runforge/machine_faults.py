"""Failures of the machine, not of a job: full disks, reached limits, no memory.

Standard library only: supervisors and zygotes use it too. It does not decide what happens then.
"""

from __future__ import annotations

import errno

from runforge.paths import Path
from runforge.system import os

_WORDS = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EIO: "the disk gives input/output errors (look at `dmesg`)",
    errno.EMFILE: "too many open files (raise `ulimit -n` for the daemon)",
    errno.ENFILE: "the whole machine has too many open files",
    errno.EAGAIN: "no process can be created (`ulimit -u`, or the pids limit of a container)",
    errno.ENOMEM: "no memory is left",
    errno.ENOBUFS: "no memory is left for a message",
    # The zygote was killed at this moment; a new one is started at once.
    errno.EPIPE: "the zygote has just ended",
    errno.ECONNRESET: "the zygote has just ended",
    errno.ENOTCONN: "the zygote has just ended",
}

#: These are about one run, not about every launch.
_OF_ONE = {errno.EBUSY: "another queue has just taken its GPU"}
_KINDS = {errno.ENOSPC: "disk_full", errno.EDQUOT: "disk_full", errno.EROFS: "read_only"}
_ADVICE = {
    errno.ENOSPC: "Free some space and try again",
    errno.EDQUOT: "Free some of your space, or ask for a larger quota",
    errno.EROFS: "Look at `dmesg` for the reason, then mount it writable",
    errno.EIO: "Look at `dmesg`; once the disk is sound, run `runforge doctor`",
    errno.EMFILE: "Raise `ulimit -n`",
    errno.ENFILE: "End a program that has many files open, or raise fs.file-max",
    errno.EAGAIN: "Raise `ulimit -u`, or the pids limit of the container",
    errno.ENOMEM: "Free some memory and try again",
}


def of(error: BaseException) -> int | None:
    """Return the error number if the machine is to blame for an error; else None."""
    for candidate in (error, error.__cause__):
        if isinstance(candidate, OSError) and candidate.errno in _WORDS:
            return candidate.errno
    return None


#: Failures that do not go away: a name is taken or missing, or it is not a file of RunForge.
_LASTING = {
    *(errno.ENOENT, errno.ENOTDIR, errno.EEXIST, errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.EINVAL),
    *(errno.EFBIG, errno.ENAMETOOLONG, errno.E2BIG, errno.ENOEXEC),
}


def passing(error: BaseException) -> int | None:
    """Return the number of a failure that may go away (the machine's, or a missing permission); else None."""
    for candidate in (error, error.__cause__):
        if isinstance(candidate, OSError) and candidate.errno is not None and candidate.errno not in _LASTING:
            return candidate.errno
    return None


def is_machines(number: int | None) -> bool:
    """Return whether an error number means a failure of the machine, not of a job."""
    return number in _WORDS


def kind(number: int) -> str:
    """Return one word for a failure, the same word that the disk check uses."""
    return _KINDS.get(number, str(number))


def words(number: int) -> str:
    """Describe a failure, and say how to fix it if that is known."""
    return _WORDS.get(number) or _OF_ONE.get(number) or os.strerror(number).lower()


def holds_all(number: int) -> bool:
    """Return whether a failure affects every launch. Otherwise it may come from one run's files."""
    return number in _WORDS and number != errno.EIO


def advice(error: OSError) -> str:
    """Return what a person can do about an error; an empty text if there is nothing."""
    if error.errno in {errno.EACCES, errno.EPERM} and error.filename:
        path = Path(os.fsdecode(error.filename))
        target, right = (path, "rw") if os.path.lexists(path) else (path.parent, "rwx")
        return f"It needs `chmod u+{right} {target}`, by its owner"
    return _ADVICE.get(error.errno or 0, "")
