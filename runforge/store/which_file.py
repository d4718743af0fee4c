"""Knows which file the journal is. A -wal file belongs to one database and not to a file that replaced it.

Each writer notes in the lock file which file the journal is. So the next process that opens it sees whether
the file was replaced. A new file that is opened with the -wal of the old one would be destroyed.
"""

from __future__ import annotations

import time

from runforge import clock
from runforge.files.durable import open_file
from runforge.paths import Path
from runforge.store import daemon_holder
from runforge.store.failures import JournalReplaced
from runforge.store.writer_lock import open_lock, writers_held_off
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.workspace import Workspace

#: How the note is called that a recovery keeps beside the journal while it exchanges the files.
RECOVERY_NOTE = ".recovery"
#: The note's offset in the lock file, after the note about the -wal and -shm files.
_OFFSET = 64
_LENGTH = 64
#: A running daemon gets this many seconds to see that its journal was replaced, and to end.
_LEAVE_SECONDS = 10.0
_PAUSE = 0.02


def inode(path: Path | str) -> int:
    """Return a file's inode, 0 if it is missing. OSError if that cannot be seen now."""
    try:
        return os.stat(path).st_ino
    except (FileNotFoundError, NotADirectoryError):
        return 0


def note(lock: int, journal: int) -> None:
    """Note which file the journal is. `lock` is the descriptor of the writers' lock, held by the caller."""
    wanted = (b"%d %d" % (os.fstat(lock).st_ino, journal)).ljust(_LENGTH - 1) + b"\n"
    if os.pread(lock, _LENGTH, _OFFSET) != wanted:
        os.pwrite(lock, wanted, _OFFSET)
        os.fsync(lock)


def _noted(workspace: Workspace) -> int:
    """Return the inode in the lock file; 0 if there is none or if the lock file itself is a copy.

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
    """Return whether the journal is not the file that was written last."""
    noted = _noted(workspace)
    return noted != 0 and noted != inode(workspace.journal) and workspace.journal.exists()


def require_same(workspace: Workspace) -> None:
    """Check that there is no -wal of another journal beside the journal that we open.

    A new file in its place is accepted when no process has the old one open. Raises JournalReplaced while a
    daemon has it open, or if the old -wal is not empty.
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
        return  # a disk that cannot be written: only read


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
    """Raise JournalReplaced if there is a -wal with content that belongs to another file."""
    wal, shm = _side_files(workspace)
    if is_other(workspace) and wal.exists() and wal.stat().st_size > 0:
        raise JournalReplaced(
            f"the journal was replaced by another file, but {wal.name} is the old one's; nothing was changed",
            where=str(workspace.journal),
            fix=f"If you want this file, delete {wal} and {shm.name}",
        )


def _side_files(workspace: Workspace) -> tuple[Path, Path]:
    return Path(f"{workspace.journal}-wal"), Path(f"{workspace.journal}-shm")


def _take_as_it_is(workspace: Workspace) -> None:
    refuse_foreign_wal(workspace)
    for path in _side_files(workspace):  # processes that have the old journal open keep theirs
        path.unlink(missing_ok=True)
    lock = open_lock(workspace)
    try:
        note(lock, inode(workspace.journal))
    finally:
        os.close(lock)


def kept_name(workspace: Workspace) -> Path:
    """Return the path for a copy of a daemon's queue whose journal was replaced or deleted."""
    stamp = clock.now().replace("-", "").replace(":", "")[:15]
    return workspace.journal.with_name(f"{workspace.journal.name}.kept-{stamp}")
