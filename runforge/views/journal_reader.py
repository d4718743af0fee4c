"""A connection to the journal that is kept open between reads; it knows at once whether something is new.

It opens the journal again if that was replaced. Each read is one short snapshot. For one thread.
"""

from __future__ import annotations

import contextlib
import os

from runforge.store.journal import Journal, Transaction, side_files
from runforge.store.opening import exists, open_snapshot
from runforge.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class JournalReader:
    """Reads one workspace's journal again and again."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._journal: Journal | None = None
        self._file: tuple[object, ...] = ()
        #: How often the journal was opened: what was read before may be of another file.
        self.opened = 0

    def close(self) -> None:
        """Close the journal; the next read opens it again."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def version(self) -> tuple[int, int]:
        """Return a value that changes after every commit. This takes some microseconds."""
        if not exists(self._workspace):
            self.close()
            return (0, 0)
        with self._reopened_on_error():
            journal = self._open()
            return (self.opened, journal.data_version())

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[Transaction]:
        """Run the block on one consistent snapshot."""
        with self._reopened_on_error(), self._open().read() as tx:
            yield tx

    def _open(self) -> Journal:
        found = os.stat(self._workspace.journal)
        # Without write permission the WAL may not be read: then only the file itself shows a change.
        file = self._version_of(found)
        if self._journal is not None and (file != self._file or self._journal.is_detached()):
            self.close()
        if self._journal is None:
            self._journal = open_snapshot(self._workspace)
            self.opened += 1
            self._file = self._version_of(found)
        return self._journal

    def _version_of(self, found: os.stat_result) -> tuple[object, ...]:
        """Return what changes when the journal must be opened again."""
        if self._journal is None or not self._journal.is_snapshot:
            return (found.st_ino,)
        return (found.st_ino, found.st_mtime_ns, 0 in side_files(self._workspace.journal))

    @contextlib.contextmanager
    def _reopened_on_error(self) -> Iterator[None]:
        try:
            yield
        except Exception:
            with contextlib.suppress(Exception):
                self.close()
            self._journal = None
            raise
