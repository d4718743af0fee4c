"""Which file the journal is: a -wal file belongs to one database, and to no other that is put in its place.

Whoever writes notes in the lock file which file the journal is, so that whoever opens it later sees that another
one stands there. Opened with the -wal of the old one, it would be destroyed.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from runforge import clock
from runforge.files.durable import open_file
from runforge.store import daemon_holder
from runforge.store.failures import JournalReplaced
from runforge.store.writer_lock import open_lock, writers_held_off
from runforge.workspace import Workspace

#: The note's place in the lock file, behind the one of the -wal and -shm files.
_OFFSET = 64
_LENGTH = 64
#: A live daemon is given this long to see that its journal was replaced, and to leave.
_LEAVE_SECONDS = 10.0
_PAUSE = 0.02


def inode(path: Path | str) -> int:
    """Return a file's inode, 0 for one that is not there. OSError if that cannot be seen now."""
    try:
        return os.stat(path).st_ino
    except (FileNotFoundError, NotADirectoryError):
        return 0


def note(lock: int, journal: int) -> None:
    """Note which file the journal is. The caller holds the writers' lock, of which this is the descriptor."""
    wanted = (b"%d %d" % (os.fstat(lock).st_ino, journal)).ljust(_LENGTH - 1) + b"\n"
    if os.pread(lock, _LENGTH, _OFFSET) != wanted:
        os.pwrite(lock, wanted, _OFFSET)
        os.fsync(lock)


def _noted(workspace: Workspace) -> int:
    """Return the inode that the lock file names; 0 if none, also where the lock file itself is a copy.

    OSError if it cannot be read now: taken for none, it would let the -wal of another journal be opened.
    """
    try:
        lock = open_file(workspace.write_lock, os.O_RDONLY)
    except FileNotFoundError:
        return 0
    try:
        words = os.pread(lock, _LENGTH, _OFFSET).split()
        own, journal = (int(word) for word in words) if len(words) == 2 else (0, 0)
        return journal if own == os.fstat(lock).st_ino else 0
    except ValueError:
        return 0
    finally:
        os.close(lock)


def is_other(workspace: Workspace) -> bool:
    """Return whether another file stands in the journal's place than the one that was written last."""
    noted = _noted(workspace)
    return noted != 0 and noted != inode(workspace.journal) and workspace.journal.exists()


def require_same(workspace: Workspace) -> None:
    """See to it that no -wal of another journal lies beside the one that is about to be opened.

    A file that was put in its place is taken as it is once nobody has the old one open. Raises JournalReplaced
    while a daemon has, or where the old one's -wal still holds something.
    """
    if not is_other(workspace):
        return
    _wait_for_the_daemon(workspace)
    refuse_foreign_wal(workspace)
    try:
        with writers_held_off(workspace):
            if is_other(workspace):
                _take_as_it_is(workspace)
    except OSError:
        return  # a disk that cannot be written: it is only looked at


def _wait_for_the_daemon(workspace: Workspace) -> None:
    deadline = time.monotonic() + _LEAVE_SECONDS
    while is_other(workspace):
        daemon = daemon_holder.holder(workspace)
        if daemon is None or daemon.pid == os.getpid():
            return
        if time.monotonic() > deadline:
            raise JournalReplaced(
                f"the journal was replaced, and the daemon (pid {daemon.pid}) still has the old one open",
                where=str(workspace.journal),
                fix=f"Stop it with `kill {daemon.pid}`, then try again",
            )
        time.sleep(_PAUSE)


def refuse_foreign_wal(workspace: Workspace) -> None:
    """Raise JournalReplaced where a -wal of another file than the one in the journal's place holds something."""
    wal, shm = _side_files(workspace)
    if is_other(workspace) and wal.exists() and wal.stat().st_size > 0:
        raise JournalReplaced(
            f"another file was put in the journal's place, and {wal.name} belongs to the one before; nothing was changed",
            where=str(workspace.journal),
            fix=f"If this file is the one that you want, delete {wal} and {shm.name}",
        )


def _side_files(workspace: Workspace) -> tuple[Path, Path]:
    return Path(f"{workspace.journal}-wal"), Path(f"{workspace.journal}-shm")


def _take_as_it_is(workspace: Workspace) -> None:
    refuse_foreign_wal(workspace)
    for path in _side_files(workspace):  # whoever has the old journal open keeps its own
        path.unlink(missing_ok=True)
    lock = open_lock(workspace)
    try:
        note(lock, inode(workspace.journal))
    finally:
        os.close(lock)


def kept_name(workspace: Workspace) -> Path:
    """Return where the queue is kept, as a daemon had it, whose journal was replaced or deleted."""
    stamp = clock.now().replace("-", "").replace(":", "")[:15]
    return workspace.journal.with_name(f"{workspace.journal.name}.kept-{stamp}")
