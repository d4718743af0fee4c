"""Opens a workspace's journal: to write, to read, or unchanged from a disk that cannot be written.

Only SQLite opens the database file: a plain open() and close() would drop SQLite's own locks.
"""

from __future__ import annotations

import time

from runforge.errors import Missing, OperationFailed
from runforge.files import state_folder
from runforge.files.durable import fsync_dir, require_file
from runforge.later import module
from runforge.paths import Path
from runforge.store import daemon_holder, migrate, traces, which_file
from runforge.store.failures import (
    DiskFull,
    JournalBusy,
    JournalMissing,
    JournalUnreadable,
    ReadOnlyDisk,
    explained,
)
from runforge.store.filesystems import require_local
from runforge.store.journal import Journal, side_files
from runforge.store.sqlite import DatabaseError, connect, connect_read_only
from runforge.store.writer_lock import held, open_lock
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from runforge.store.recovery import swap
    from runforge.workspace import Workspace
else:
    swap = module("runforge.store.recovery.swap")

#: A running daemon gets this many seconds to repair a deleted -wal file.
MEND_SECONDS = 10.0


_MEND_PAUSE = 0.02


def _wait_until_whole(workspace: Workspace) -> None:
    """Wait until a running daemon has repaired a deleted -wal or -shm file.

    A daemon has the journal open, so both files must exist. Without them we would open an older state of the
    journal; our writes would be lost, or would destroy the daemon's.
    """
    deadline = time.monotonic() + MEND_SECONDS
    while workspace.journal.exists() and 0 in side_files(workspace.journal):
        daemon = daemon_holder.holder(workspace)
        if daemon is None or daemon.pid == os.getpid():
            return
        if time.monotonic() > deadline:
            raise JournalBusy(
                f"the journal's -wal or -shm file was deleted, and the daemon (pid {daemon.pid}), which still has"
                " what was in it, does not put it right",
                where=str(workspace.journal),
                fix="Do not kill the daemon; let it continue (kill -CONT), then try again",
            )
        time.sleep(_MEND_PAUSE)


def _require_exchanged(workspace: Workspace) -> None:
    """Refuse a journal that a recovery has begun to exchange and has not finished."""
    if os.path.lexists(f"{workspace.journal}{which_file.RECOVERY_NOTE}"):
        swap.require_finished(workspace)


def exists(workspace: Workspace) -> bool:
    """Return whether the workspace has a journal. Raises Missing if its journal is gone, or on another machine."""
    if workspace.journal.exists():
        return True
    state_folder.require_there(workspace.root, workspace.state_dir)
    try:
        traces.require_none(workspace)
    except JournalMissing:
        if not workspace.journal.exists():
            raise
        return True  # another process has made the first one meanwhile
    return False


def open_journal(workspace: Workspace, *, create: bool = False) -> Journal:
    """Open the journal, migrating an older one after a backup.

    Raises Missing if there is none (and `create` is false) or on a network file system; JournalUnreadable if
    it is damaged or from a newer RunForge.
    """
    path = workspace.journal
    if not exists(workspace) and not create:
        raise Missing(f"no journal at {path}", fix="Nothing has been enqueued here; see `runforge --help`")
    if create:
        workspace.prepare()
    require_local(workspace.state_dir)
    _require_files(path)
    _require_exchanged(workspace)
    which_file.require_same(workspace)
    _wait_until_whole(workspace)
    if _is_emptied(path):
        _make(workspace)
    with explained(path):
        journal = Journal(workspace, connect(path), is_snapshot=False)
        try:
            if migrate.version(journal.connection) != migrate.NEWEST:
                with journal.locked():
                    migrate.migrate(journal.connection, path)
            configured = _configured(journal)
        except BaseException:
            journal.close()
            raise
    traces.note(workspace)
    return configured


def make_new(workspace: Workspace) -> None:
    """Make an empty journal even if there was one before: a person has asked for it."""
    workspace.prepare()
    require_local(workspace.state_dir)
    _make(workspace, is_asked=True)
    open_journal(workspace).close()


def _require_files(path: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        require_file(path.with_name(path.name + suffix))


def _make_empty(fresh: Path) -> None:
    for suffix in ("", "-wal", "-shm"):
        Path(f"{fresh}{suffix}").unlink(missing_ok=True)
    connection = connect(fresh)
    try:
        migrate.migrate(connection, fresh)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()


def make_of(workspace: Workspace, write: Callable[[Path], object]) -> None:
    """Make the first journal of what `write` puts into a file; whatever it raises, there is none then."""
    workspace.prepare()
    require_local(workspace.state_dir)
    _make(workspace, write)


def _make(
    workspace: Workspace, write: Callable[[Path], object] = _make_empty, *, is_asked: bool = False
) -> None:
    """Make the journal under another name, then rename it. So an empty journal file is never one of ours."""
    path = workspace.journal
    fresh = path.with_name(f"{path.name}.made")
    lock = open_lock(workspace)
    try:
        with held(lock, path), explained(path):
            if not _is_emptied(path):
                return
            if not is_asked:
                _require_nothing_lost(workspace, is_empty=write is _make_empty)
            write(fresh)
            for suffix in ("-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            os.replace(fresh, path)
            fsync_dir(path.parent)
            which_file.note(lock, which_file.inode(path))
    finally:
        os.close(lock)


def _require_nothing_lost(workspace: Workspace, *, is_empty: bool) -> None:
    """Refuse to make a journal where there was one, and an empty one beside the queue of the older program."""
    path = workspace.journal
    if is_empty and traces.has_older_queue(workspace):
        raise OperationFailed(
            "this is the queue of the older program; nothing was changed",
            where=str(workspace.queue_json),
            fix="`runforge queue-status` takes it over",
        )
    if not path.exists():
        traces.require_none(workspace)
    elif any(workspace.runs_dir.iterdir()) or traces.found(workspace):
        raise JournalUnreadable(
            "the journal is empty although runs exist",
            where=str(path),
            fix="Restore a backup, or let `runforge doctor --recover` rebuild it from the exports",
        )


def _is_emptied(path: Path) -> bool:
    """Return whether the file and its WAL are empty. A new journal may be in the WAL alone."""
    try:
        return path.stat().st_size == 0 and os.stat(f"{path}-wal").st_size == 0
    except FileNotFoundError:
        return True


def _configured(journal: Journal) -> Journal:
    connection = journal.connection
    mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
    if mode != "wal":
        raise JournalUnreadable(
            f"the journal is in {mode} mode, not WAL",
            where=str(journal.workspace.journal),
            fix="Was it copied by hand? Run `runforge doctor`",
        )
    journal.attach()
    return journal


def open_snapshot(workspace: Workspace) -> Journal:
    """Open the journal only for reading; without any change if the disk cannot be written."""
    if not workspace.only_look and os.access(workspace.state_dir, os.W_OK):
        try:
            journal = open_journal(workspace)
        except (DiskFull, ReadOnlyDisk):
            return _open_as_left(workspace.journal, workspace)
        journal.connection.execute("PRAGMA query_only=ON")
        return journal
    return _open_as_left(workspace.journal, workspace)


def _open_as_left(path: Path, workspace: Workspace) -> Journal:
    """Open the journal without writing a byte: with its WAL if a process has that open, else without."""
    _require_files(path)
    _require_exchanged(workspace)
    which_file.refuse_foreign_wal(workspace)
    with explained(path):
        try:
            # Root could make the missing files in another user's workspace, just by looking.
            if not (workspace.only_look and 0 in side_files(workspace.journal)):
                return _read_only(path, workspace, "mode=ro")
        except DatabaseError:
            pass
        return _read_only(path, workspace, "mode=ro&immutable=1")


def _read_only(path: Path, workspace: Workspace, how: str) -> Journal:
    connection = connect_read_only(str(path.absolute()), how)
    try:
        migrate.require_newest(connection)
        journal = Journal(workspace, connection, is_snapshot=True)
        journal.attach()
    except BaseException:
        connection.close()
        raise
    return journal


def require_journal(workspace: Workspace) -> None:
    """Refuse a workspace where nothing was ever enqueued."""
    if not exists(workspace):
        raise OperationFailed(
            "nothing has been enqueued in this workspace",
            where=str(workspace.root),
            fix="Start with `runforge enqueue-sweep` or `enqueue-run`",
        )
