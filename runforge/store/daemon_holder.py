"""Who holds the daemon's lock: the one honest answer to "does a daemon live here?"."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import NamedTuple

from runforge.files.durable import open_file
from runforge.workspace import Workspace


class Holder(NamedTuple):
    """The live daemon: its pid as the lock file says."""

    pid: int | None


def holder(workspace: Workspace) -> Holder | None:
    """Return who holds the daemon lock, or None if nobody does.

    The lock is tried shared and let go at once; a daemon that starts in that instant tries again.
    """
    try:
        descriptor = open_file(workspace.daemon_lock, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Holder(_pid(os.pread(descriptor, 64, 0)))
    else:
        return None
    finally:
        os.close(descriptor)


def _pid(text: bytes) -> int | None:
    word = text.split(b"\n", 1)[0].strip()
    return int(word) if word.isdigit() else None


def flock_holder(inode: int) -> int | None:
    """Return the pid that took the flock on a file, as the kernel tells; None if it tells nothing."""
    with contextlib.suppress(OSError, IndexError, ValueError):
        for line in Path("/proc/locks").read_text("ascii").splitlines():
            # 3: FLOCK ADVISORY WRITE 4711 08:01:131072 0 EOF; one that waits has `->` after the number.
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
                return int(fields[4])
    return None


def process_state(pid: int | None) -> str:
    """Return the kernel's letter for a process (R, S, D, T, Z), or `?`."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "?"
