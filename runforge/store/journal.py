"""The journal's connection, and the only two ways to use it: a short snapshot and a transaction.

All writers take the writers' lock and then BEGIN IMMEDIATE. Only SQLite opens the database file: a plain
open() and close() would drop SQLite's own locks.
"""

from __future__ import annotations

from runforge import blocks, failpoints
from runforge.later import module
from runforge.paths import Path
from runforge.store import which_file
from runforge.store.failures import (
    Fenced,
    JournalBusy,
    JournalReplaced,
    explained,
)
from runforge.store.sqlite import WRITE_TIMEOUT, connect
from runforge.store.transaction import Transaction as Transaction  # noqa: PLC0414 - others take it from here
from runforge.store.writer_lock import held, open_lock
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType
    from typing import Any

    from runforge.store import backup
    from runforge.store.writer_lock import GiveUp
    from runforge.workspace import Workspace
else:
    backup = module("runforge.store.backup")

#: A checkpoint runs when the WAL is larger than this many bytes.
CHECKPOINT_BYTES = 4 * 1024 * 1024
_CHECKPOINT_MILLISECONDS = 100


def _check_epoch(transaction: Transaction, epoch: int | None) -> None:
    if epoch is not None and transaction.row("journal.epoch")[0] != epoch:
        raise Fenced("a newer daemon has taken over this workspace")


class Journal:
    """A connection to a workspace's journal. For one thread; never used after a fork."""

    def __init__(self, workspace: Workspace, connection: Any, *, is_snapshot: bool) -> None:
        self.workspace = workspace
        self.is_snapshot = is_snapshot
        self._connection = connection
        self._lock: int | None = None
        #: How many transactions this connection has committed.
        self.commits = 0
        self._path = workspace.journal
        self._files = (0, 0)
        self._inode = 0
        self._is_noted = False
        #: How often it was opened again because its -wal or -shm file was deleted.
        self.reopened = 0
        #: What `data_version` has found in this round; None: it has to ask.
        self._version: int | None = None
        self._has_rounds = False
        #: Says whether to stop waiting for the writers' lock; None: only at the timeout.
        self.give_up: GiveUp | None = None

    def __enter__(self) -> Journal:  # noqa: PYI034 - `typing_extensions` costs ten milliseconds
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
        """The SQLite connection itself, for migrations, backup and the doctor."""
        return self._connection

    @blocks.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the writers' lock; JournalBusy if it is not free in time."""
        if self._lock is None:
            self._lock = open_lock(self.workspace)
        with held(self._lock, self._path, self.give_up):
            yield

    @blocks.contextmanager
    def write(self, epoch: int | None = None) -> Iterator[Transaction]:
        """Run the block as one durable transaction: all of it, or nothing if there is an error.

        A daemon gives its epoch and is refused (Fenced) once a newer one has taken over. The block must not
        wait, and does no other I/O than the folders of a few new runs.
        """
        failpoints.hit("tx.before")
        with self.locked(), explained(self._path):
            self._require_place()
            self._connection.execute("BEGIN IMMEDIATE")
            self._version = None
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

    @blocks.contextmanager
    def read(self) -> Iterator[Transaction]:
        """Run the block on one consistent snapshot. Keep it short: it delays the checkpoint of the WAL."""
        with explained(self._path):
            self._connection.execute("BEGIN")
            try:
                yield Transaction(self._connection)
            finally:
                if self._connection.in_transaction:
                    self._connection.execute("COMMIT")

    def begin_round(self) -> None:
        """Let `data_version` ask only once from now to the next round, or to the next write.

        For a loop that everybody who commits wakes: what it has missed in this round it sees in the next one.
        """
        self._has_rounds, self._version = True, None

    def data_version(self) -> int:
        """Return a number that changes when another connection has committed. To ask costs 10 us: SQLite locks twice."""
        if self._version is not None:
            return self._version
        number = int(self._connection.execute("PRAGMA data_version").fetchone()[0])
        found = (self.reopened << 32) + number
        if self._has_rounds:
            self._version = found
        return found

    def version(self) -> tuple[int, int]:
        """Return a value that changes with every commit, of this connection or of another."""
        return self.data_version(), self.commits

    def is_replaced(self) -> bool:
        """Return whether the journal's file was deleted or replaced while this connection has it open."""
        return which_file.inode(self._path) != self._inode

    def keep(self) -> Path:
        """Write the queue as this connection sees it to a file beside the new journal.

        Then the -wal file is deleted if it is still this connection's: it would damage another database.
        """
        kept = which_file.kept_name(self.workspace)
        backup.copy(self._connection, kept)
        if not self.is_detached():
            for suffix in ("-wal", "-shm"):
                Path(f"{self._path}{suffix}").unlink(missing_ok=True)
        return kept

    def _require_place(self) -> None:
        """Check, under the writers' lock, that this connection writes into the file that others open."""
        if self.is_replaced():
            raise JournalReplaced(
                "the journal was deleted or replaced while it was open", where=str(self._path)
            )
        if self.is_detached():
            self._reattach()
        if not self._is_noted and self._lock is not None:
            which_file.note(self._lock, self._inode)
            self._is_noted = True

    def is_detached(self) -> bool:
        """Return whether the journal's -wal or -shm file was deleted while this connection has it open.

        It still works with the deleted files. Connections that open the journal later do not see their
        content.
        """
        return side_files(self._path) != self._files

    def reattach(self) -> None:
        """Save the content of a deleted WAL and open the journal again; no commit is lost.

        Raises JournalBusy while a reader prevents the checkpoint, DiskFull if there is no room for it.
        """
        with self.locked(), explained(self._path):
            self._require_place()

    def _reattach(self) -> None:
        """Run a checkpoint of the deleted WAL unless another process did (see the lock file); open again."""
        lock = self._lock
        if lock is None:
            raise AssertionError("only under the writers' lock")
        is_saved = os.pread(lock, 64, 0) == _as_note(side_files(self._path))
        if not is_saved and self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
            raise JournalBusy("the journal cannot be written back", where=str(self._path))
        query_only = self._connection.execute("PRAGMA query_only").fetchone()[0]
        self._connection.close()
        self._connection = connect(self._path)
        self._connection.execute(f"PRAGMA query_only={query_only}")
        self.reopened += 1
        self._version = None
        self.attach()
        os.pwrite(lock, _as_note(self._files), 0)

    def attach(self) -> None:
        """Let SQLite open its files, and remember which they are."""
        self._connection.execute("SELECT 1 FROM sqlite_schema").fetchone()
        self._files = side_files(self._path)
        self._inode = which_file.inode(self._path)

    def checkpoint(self, *, above: int = 0) -> None:
        """Run a checkpoint if the WAL is larger than `above` bytes.

        It holds the writers' lock and uses TRUNCATE, which takes the write lock first. So the WAL-reset bug
        of older SQLite cannot happen. It waits only a moment for a reader with a snapshot, because all
        writers wait too; the next checkpoint does the rest.
        """
        try:
            if os.stat(f"{self._path}-wal").st_size <= above:
                return
        except FileNotFoundError:
            return
        failpoints.hit("checkpoint.before")
        with self.locked(), explained(self._path):
            self._connection.execute(f"PRAGMA busy_timeout={_CHECKPOINT_MILLISECONDS}").fetchall()
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                self._connection.execute(f"PRAGMA busy_timeout={WRITE_TIMEOUT * 1000:.0f}").fetchall()
            failpoints.hit("checkpoint.done")


def side_files(journal: Path) -> tuple[int, int]:
    """Return the inodes of the journal's -wal and -shm files, 0 for one that is not there."""
    return which_file.inode(f"{journal}-wal"), which_file.inode(f"{journal}-shm")


def _as_note(files: tuple[int, int]) -> bytes:
    return (b"%d %d" % files).ljust(63) + b"\n"
