"""Opening the journal, and the only two ways to touch it: a short snapshot and a transaction.

All writers take the flock on `runforge.lock` and then BEGIN IMMEDIATE: with SQLite's busy handler
alone, writers starve (docs/reliability.md). Nothing here opens the database file but through SQLite: a
plain open() and close() of it would drop SQLite's own locks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any

from typing_extensions import Self

from runforge import failpoints
from runforge.errors import Missing
from runforge.store import migrate
from runforge.store.failures import Fenced, JournalBusy, JournalUnreadable, explained
from runforge.store.filesystems import require_local
from runforge.store.queries import query
from runforge.store.sqlite import sqlite
from runforge.workspace import Workspace

#: Seconds that a command waits for its turn to write before it gives up.
WRITE_TIMEOUT = 30.0
#: The WAL is folded back into the database above this many bytes.
CHECKPOINT_BYTES = 4 * 1024 * 1024


class _LockTimeout(Exception):
    pass


def _raise_timeout(_signal: int, _frame: FrameType | None) -> None:
    raise _LockTimeout


def _lock_or_raise(descriptor: int, seconds: float) -> None:
    """Take the flock; _LockTimeout when it is not ours in time."""
    if _is_locked_now(descriptor):
        return
    if threading.current_thread() is threading.main_thread():
        _lock_with_alarm(descriptor, seconds)
    else:
        _lock_by_polling(descriptor, seconds)


def _lock_with_alarm(descriptor: int, seconds: float) -> None:
    # The kernel's queue is fair; polling is not. Only the main thread may use signals.
    before = signal.signal(signal.SIGALRM, _raise_timeout)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _lock_by_polling(descriptor: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    pause = 0.0005
    while not _is_locked_now(descriptor):
        if time.monotonic() > deadline:
            raise _LockTimeout
        time.sleep(pause)
        pause = min(pause * 2, 0.01)


def _is_locked_now(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _open_lock(workspace: Workspace) -> int:
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(workspace.write_lock, flags, 0o600)


@contextlib.contextmanager
def _held(lock: int, journal: Path) -> Iterator[None]:
    try:
        _lock_or_raise(lock, WRITE_TIMEOUT)
    except _LockTimeout:
        raise JournalBusy(
            f"the journal is busy: another program has held it for {WRITE_TIMEOUT:.0f} s",
            where=str(journal),
            fix="`runforge doctor` names the holder",
        ) from None
    try:
        yield
    finally:
        fcntl.flock(lock, fcntl.LOCK_UN)


@contextlib.contextmanager
def writers_held_off(workspace: Workspace) -> Iterator[None]:
    """Hold the writers' lock without opening the journal, which may be damaged."""
    lock = _open_lock(workspace)
    try:
        with _held(lock, workspace.journal):
            yield
    finally:
        os.close(lock)


class Transaction:
    """An open transaction or snapshot: runs the store's named queries."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Any) -> None:
        self._connection = connection

    def run(self, name: str, /, **values: object) -> int:
        """Execute a named statement; return how many rows it changed."""
        return int(self._connection.execute(query(name), values).rowcount)

    def row(self, name: str, /, **values: object) -> Any:
        """Return the first row of a named query, or None."""
        rows = self._connection.execute(query(name), values).fetchall()
        return rows[0] if rows else None

    def rows(self, name: str, /, **values: object) -> list[Any]:
        """Return all rows of a named query. No cursor stays open: it would pin the WAL."""
        return list(self._connection.execute(query(name), values).fetchall())


def _check_epoch(transaction: Transaction, epoch: int | None) -> None:
    if epoch is not None and transaction.row("journal.epoch")[0] != epoch:
        raise Fenced("a newer daemon has taken over this workspace")


class Journal:
    """A connection to a workspace's journal. For one thread; never carried over a fork."""

    def __init__(self, workspace: Workspace, connection: Any, *, is_snapshot: bool) -> None:
        self.workspace = workspace
        self.is_snapshot = is_snapshot
        self._connection = connection
        self._lock: int | None = None
        #: Transactions that this connection has committed.
        self.commits = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection and the lock file."""
        self._connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def connection(self) -> Any:
        """The raw connection, for migrations, backup and the doctor."""
        return self._connection

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the writers' lock; JournalBusy if it is not free in time."""
        if self._lock is None:
            self._lock = _open_lock(self.workspace)
        with _held(self._lock, self.workspace.journal):
            yield

    @contextlib.contextmanager
    def write(self, epoch: int | None = None) -> Iterator[Transaction]:
        """Run the block as one durable transaction; all of it, or on any error none of it.

        A daemon gives its epoch and is refused (Fenced) once a newer one has taken over. The block
        does no I/O of its own and does not wait.
        """
        failpoints.hit("tx.before")
        with self.locked(), explained(self.workspace.journal):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                failpoints.hit("tx.begun")
                transaction = Transaction(self._connection)
                _check_epoch(transaction, epoch)
                yield transaction
                failpoints.hit("tx.written")
                self._connection.execute("COMMIT")
                self.commits += 1
            except BaseException:
                # A full disk has rolled back already.
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            failpoints.hit("tx.committed")

    @contextlib.contextmanager
    def read(self) -> Iterator[Transaction]:
        """Run the block on one consistent snapshot. Keep it short: it holds the WAL back."""
        with explained(self.workspace.journal):
            self._connection.execute("BEGIN")
            try:
                yield Transaction(self._connection)
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")

    def data_version(self) -> int:
        """Return a number that changes when another connection has committed. Costs 3 us."""
        return int(self._connection.execute("PRAGMA data_version").fetchone()[0])

    def version(self) -> tuple[int, int]:
        """Return what changes with every commit, another connection's or this one's."""
        return self.data_version(), self.commits

    def checkpoint(self, *, above: int = 0) -> None:
        """Fold the WAL into the database if it is larger than `above` bytes.

        Under the writers' lock and with TRUNCATE, which takes the write lock first: the WAL-reset
        bug of older SQLite cannot strike.
        """
        try:
            if os.stat(f"{self.workspace.journal}-wal").st_size <= above:
                return
        except FileNotFoundError:
            return
        failpoints.hit("checkpoint.before")
        with self.locked(), explained(self.workspace.journal):
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            failpoints.hit("checkpoint.done")


def exists(workspace: Workspace) -> bool:
    """Return whether the workspace has a journal."""
    return workspace.journal.exists()


def open_journal(workspace: Workspace, *, create: bool = False) -> Journal:
    """Open the journal, migrating an older one after a backup.

    Raises Missing where there is none (and `create` is false) or the file system is a network one;
    JournalUnreadable if it is damaged or from a newer RunForge.
    """
    path = workspace.journal
    if create:
        workspace.prepare()
    require_local(workspace.state_dir)
    if not path.exists() and not create:
        raise Missing(f"no journal at {path}", fix="Nothing has been enqueued here; see `runforge --help`")
    if _is_emptied(path):
        _make(workspace)
    with explained(path):
        journal = Journal(workspace, _connect(path), is_snapshot=False)
        try:
            if migrate.version(journal.connection) != migrate.NEWEST:
                with journal.locked():
                    migrate.migrate(journal.connection, path)
            return _configured(journal)
        except BaseException:
            journal.close()
            raise


def _make(workspace: Workspace) -> None:
    """Make the journal. Only under the lock is the file created, so an empty one found there was emptied."""
    path = workspace.journal
    lock = _open_lock(workspace)
    try:
        with _held(lock, path), explained(path):
            if not _is_emptied(path):
                return
            if path.exists() and any(workspace.runs_dir.iterdir()):
                raise JournalUnreadable(
                    "the journal is empty although runs exist",
                    where=str(path),
                    fix="Put a backup in its place, or let `runforge doctor --recover` rebuild it from the exports",
                )
            connection = _connect(path)
            try:
                migrate.migrate(connection, path)
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                connection.close()
    finally:
        os.close(lock)


def _is_emptied(path: Path) -> bool:
    """Return whether nothing is in the file, nor in its WAL, where a young journal lives."""
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
    return journal


def _connect(path: Path) -> Any:
    connection = sqlite.connect(str(path), timeout=WRITE_TIMEOUT, isolation_level=None)
    connection.row_factory = sqlite.Row
    for pragma in (
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        "PRAGMA wal_autocheckpoint=0",
        "PRAGMA recursive_triggers=OFF",
    ):
        connection.execute(pragma)
    return connection


def open_snapshot(workspace: Workspace) -> Journal:
    """Open the journal for reading alone; on a read-only file system as it was left."""
    path = workspace.journal
    if os.access(workspace.state_dir, os.W_OK):
        journal = open_journal(workspace)
        journal.connection.execute("PRAGMA query_only=ON")
        return journal
    uri = f"{path.absolute().as_uri()}?mode=ro&immutable=1"
    with explained(path):
        connection = sqlite.connect(uri, uri=True, isolation_level=None)
        connection.row_factory = sqlite.Row
        migrate.version(connection)
    return Journal(workspace, connection, is_snapshot=True)
