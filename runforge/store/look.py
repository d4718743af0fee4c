"""Opens a plain journal for one quick look. Whatever is not plain is left to `store.opening`, which knows all cases.

Plain is: the journal of this user, of this version, whole, the file that was written last, on a disk of this machine, and
nothing is left to settle. Then the full way would open it just so.
"""

from __future__ import annotations

import stat
import time

from runforge.store.queries import query
from runforge.store.sqlite import SQLiteError, connect, connect_read_only
from runforge.store.transaction import Transaction
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from runforge.place import Place

    Found = TypeVar("Found")
    #: A file's inode, its size and when it was changed last (ns).
    _State = tuple[int, int, int]

#: The newest version and the application's id, "RNFG", as in `store.migrate`.
_VERSIONS = (7, 0x524E4647, "wal")
#: The same in the first bytes of the file: where they are, and what is there.
_HEADER = ((18, b"\2\2"), (60, _VERSIONS[0].to_bytes(4, "big")), (68, _VERSIONS[1].to_bytes(4, "big")))
_SIDE_FILES = ("runforge.db-wal", "runforge.db-shm")
#: What is in `.runforge` where something has to be settled first.
_ODD = frozenset({"state_dir", "runforge.db.recovery", "foreground"})
#: How the lines of the mount table for network file systems go on, as in `store.filesystems`.
_NETWORK = tuple(
    f" - {kind}"
    for kind in (
        *("nfs", "cifs", "smb", "9p", "lustre", "beegfs", "gpfs", "ceph", "afs", "ncpfs", "glusterfs"),
        *(
            "fuse.sshfs",
            "fuse.s3fs",
            "fuse.gcsfuse",
            "fuse.rclone",
            "fuse.glusterfs",
            "fuse.ceph",
            "fuse.beegfs",
        ),
    )
)
_NOTE, _NOTE_AT = 64, 64
#: So many seconds after a change the next one gets another time, however coarse the file system's times are.
_REST = 3.0


def look(place: Place, read: Callable[[Transaction], Found | None]) -> Found | None:
    """Return what `read` finds in one snapshot; None if it finds none, or if the journal is not plain."""
    try:
        if not _is_plain(place):
            return None
        resting = _at_rest(place)
        connection = (
            connect(place.journal)
            if resting is None
            else connect_read_only(place.journal, "mode=ro&immutable=1")
        )
    except (OSError, SQLiteError):
        return None
    try:
        if resting is None:
            connection.execute("BEGIN")
            if tuple(connection.execute(query("look.versions")).fetchone()) != _VERSIONS:
                return None
        found = read(Transaction(connection))
    except SQLiteError:
        return None
    except Exception:
        if resting is None or _state(place) == resting:
            raise
        return None
    finally:
        connection.close()
    return found if resting is None or _state(place) == resting else None


def _at_rest(place: Place) -> _State | None:
    """Return the state of the journal's file if it is the whole queue: nobody has it open, and all is written back.

    Then it is read without a lock and without a -wal file, which would be made and deleted for one look. Whoever opens
    it meanwhile changes its state when he writes it back: then what was read does not count.
    """
    state = _state(place)  # first: what is written after this is noticed
    if any(os.path.lexists(f"{place.hidden}/{name}") for name in _SIDE_FILES):
        return None
    if state is None or state[2] > time.time_ns() - _REST * 1e9:
        return None
    # SQLite has not opened it yet in this process: so there are no locks that this would drop.
    file = os.open(place.journal, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        head = os.pread(file, 100, 0)
    finally:
        os.close(file)
    return state if all(head[at : at + len(wanted)] == wanted for at, wanted in _HEADER) else None


def _state(place: Place) -> _State | None:
    try:
        found = os.lstat(place.journal)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_ctime_ns


def _is_plain(place: Place) -> bool:
    hidden = os.lstat(place.hidden)
    if not stat.S_ISDIR(hidden.st_mode) or hidden.st_uid != os.geteuid() or hidden.st_mode & 0o022:
        return False
    names = set(os.listdir(place.hidden))
    if names & _ODD or "has_journal" not in names or not os.access(place.hidden, os.W_OK):
        return False
    journal = os.lstat(place.journal)
    if not (stat.S_ISREG(journal.st_mode) and journal.st_size and _is_noted(place, journal.st_ino)):
        return False
    side_files = [name for name in _SIDE_FILES if name in names]
    if not all(stat.S_ISREG(os.lstat(f"{place.hidden}/{name}").st_mode) for name in side_files):
        return False
    if len(side_files) < len(_SIDE_FILES) and os.path.lexists(place.daemon_lock):
        from runforge.store import daemon_holder

        if daemon_holder.holder(place) is not None:
            return False
    return _is_local(journal)


def _is_local(file: os.stat_result) -> bool:
    """Return whether a file is on a disk of this machine, or no network file system is mounted here."""
    if os.major(file.st_dev):
        return True  # network file systems have no block device, whose number this would be
    with open("/proc/self/mountinfo", encoding="utf-8", errors="replace") as mounts:
        table = mounts.read()
    return not any(kind in table for kind in _NETWORK)


def _is_noted(place: Place, inode: int) -> bool:
    """Return whether the lock file says that this file was written last, and is no copy itself."""
    lock = os.open(place.write_lock, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return (
            os.pread(lock, _NOTE, _NOTE_AT).split()
            == b"%d %d".__mod__((os.fstat(lock).st_ino, inode)).split()
        )
    finally:
        os.close(lock)
