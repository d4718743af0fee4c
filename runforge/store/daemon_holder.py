"""Who holds the daemon's lock: the only true answer to "is a daemon running here?"."""

from __future__ import annotations

from runforge.files.reading import open_file
from runforge.named import NamedTuple
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from runforge.place import Place
    from runforge.workspace import Workspace


class Holder(NamedTuple):
    """The running daemon: its pid from the lock file."""

    pid: int | None


def holder(workspace: Workspace | Place) -> Holder | None:
    """Return who holds the daemon lock, or None if nobody does.

    The lock is taken shared and released at once. A daemon that starts at that moment tries again.
    """
    try:
        descriptor = open_file(workspace.daemon_lock, os.O_RDONLY)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        if not workspace.only_look:
            raise
        return _holder_in_kernel(workspace.daemon_lock)
    import fcntl  # a library: loaded where a daemon has been

    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return Holder(_pid(os.pread(descriptor, 64, 0)))
    else:
        return None
    finally:
        os.close(descriptor)


def _holder_in_kernel(lock: Path | str) -> Holder | None:
    """Return who holds another user's lock, whose file may not be read."""
    pid = flock_holder(os.stat(lock, follow_symlinks=False).st_ino)
    return None if pid is None else Holder(pid)


def _pid(text: bytes) -> int | None:
    word = text.split(b"\n", 1)[0].strip()
    return int(word) if word.isdigit() else None


def flock_holder(inode: int) -> int | None:
    """Return the pid that holds the flock on a file, from the kernel; None if the kernel does not say."""
    try:
        with open("/proc/locks", encoding="ascii") as file:
            lines = file.read().splitlines()
        for line in lines:
            # 3: FLOCK ADVISORY WRITE 4711 08:01:131072 0 EOF; a waiting process has `->` after the number.
            fields = line.split()
            if fields[1] == "FLOCK" and fields[5].rpartition(":")[2] == str(inode):
                return int(fields[4])
    except (OSError, IndexError, ValueError):
        return None
    return None


def process_state(pid: int | None) -> str:
    """Return the kernel's letter for a process (R, S, D, T, Z), or `?`."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "?"
