"""The JSON files for other programs, written from the journal. They are never read as the truth.

Owns queue.json and group.json (docs/contract.md, sections 2 and 4). A running daemon writes them; without
one, the command that changed something writes them under the export lock.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import time
import zlib
from collections.abc import Callable, Container, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from runforge import failpoints
from runforge.core.records import Job
from runforge.exports import list_blocks
from runforge.exports.documents import (
    best_run,
    group_document,
    job_document,
    places,
    queue_document,
    run_entry,
    waiting_on,
)
from runforge.exports.list_blocks import Identity, Layout, Replaced, encode, encode_items, identity_of
from runforge.files.durable import make_dir, open_file, read_bounded, write_atomic
from runforge.store import records
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace

_GROUP = "group.json"
#: How long to wait for another process that writes the exports.
_LOCK_SECONDS = 10.0
_LOCK_PAUSE = 0.005
#: How many jobs are in a block.
_BLOCK = 512
_MAP_LIMIT = 64 * 1024 * 1024
#: The largest export; a hundred thousand jobs need a twentieth of it.
EXPORT_LIMIT = 1 << 30


class Exporter:
    """Writes what has changed since the last write; in long files only the changed blocks."""

    def __init__(self, workspace: Workspace, journal: Journal) -> None:
        self._workspace = workspace
        self._journal = journal
        self._served: str | None = None
        self._looked: tuple[tuple[int, int], bool] | None = None
        self._written: dict[Path, Identity] = {}
        self._layouts: dict[Path, Layout] = {}
        #: The files show the journal up to this entry; -1 if that is not known.
        self._seq = self._resume()

    def _resume(self) -> int:
        """Continue the work of the last exporter, if its files are unchanged."""
        found = _read_map(self._workspace.queue_map)
        if found is None:
            return -1
        seq, fingerprint, layout = found
        with self._journal.read() as tx:
            entry = _entry(tx, seq)
            paths = [self._workspace.group_dir(row[0]) / _GROUP for row in tx.rows("groups.ids")]
        try:
            written = {path: identity_of(os.lstat(path)) for path in (*paths, self._workspace.queue_json)}
        except OSError:
            return -1
        if _fingerprint(written, entry) != fingerprint:
            return -1  # another journal, or a file was changed
        self._written = written
        self._layouts[self._workspace.queue_json] = layout
        return seq

    def is_behind(self) -> bool:
        """Return whether the journal has entries that the files do not show yet."""
        version = self._journal.version()
        if self._looked is None or self._looked[0] != version:
            with self._journal.read() as tx:
                self._looked = version, _newest(tx) != (self._seq, self._served)
        return self._looked[1]

    def is_current(self) -> bool:
        """Return whether the files show the journal's newest entry."""
        with self._journal.read() as tx:
            return _newest(tx)[0] == self._seq

    def write(self) -> None:
        """Update queue.json and every changed group.json. Raises OSError."""
        # The queue is first, so that a reader that sees a group ended finds its jobs ended too.
        make_dir(self._workspace.queue_dir)
        with self._journal.read() as tx:
            newest = _newest(tx)
            entry = _entry(tx, newest[0])
            changes = _Changes.since(tx, self._seq)
            failpoints.hit("export.read")
            blocked = None
            try:
                self._write_queue(tx, newest[0], changes)
            except IsADirectoryError as error:
                blocked = error  # a foreign folder in the way costs only that one file
            failpoints.hit("export.queue_written")
            for group_id in changes.groups:
                self._write_group(tx, group_id, changes)
        if blocked is not None:
            raise blocked
        self._seq, self._served = newest
        self._looked = None
        layout = self._layouts[self._workspace.queue_json]
        _write_map(self._workspace.queue_map, self._seq, _fingerprint(self._written, entry), layout)

    def _write_queue(self, tx: Transaction, seq: int, changes: _Changes) -> None:
        document = queue_document(records.daemon(tx.row("journal.daemon")), (), seq)

        def read(first: int, after: int) -> list[dict[str, Any]]:
            rows = tx.rows("jobs.block", first=first, after=after)
            waiting, where = waiting_on(tx, rows), places(tx, rows)
            return [job_document(row, waiting, where) for row in rows]

        numbers = range(0)
        if (ends := tx.row("jobs.ends"))["last"] is not None:
            numbers = range(ends["first"] // _BLOCK, ends["last"] // _BLOCK + 1)
        self._splice(self._workspace.queue_json, document, "jobs", numbers, changes.blocks, read)

    def _write_group(self, tx: Transaction, group_id: str, changes: _Changes) -> None:
        path = self._workspace.group_dir(group_id) / _GROUP
        row = tx.row("groups.by_id", group_id=group_id)
        if row is None:  # pruned together with its files
            self._written.pop(path, None)
            self._layouts.pop(path, None)
            return
        group = records.group(row)
        document = group_document(group, best_run(tx, group), ())

        def read(first: int, after: int) -> list[dict[str, Any]]:
            rows = (
                tx.rows("jobs.of_group", group_id=group_id)
                if is_short
                else tx.rows("jobs.block_of_group", group_id=group_id, first=first, after=after)
            )
            return [run_entry(records.job(row)) for row in rows]

        make_dir(path.parent)
        is_short = group.total <= _BLOCK
        numbers = [0]
        if not is_short:
            numbers = [row[0] for row in tx.rows("jobs.blocks_of_group", group_id=group_id, size=_BLOCK)]
        self._splice(path, document, "runs", numbers, None if is_short else changes.blocks, read)
        failpoints.hit("export.group_written")

    def _splice(
        self,
        path: Path,
        document: dict[str, Any],
        name: str,
        numbers: Iterable[int],
        changed: Container[int] | None,
        read: Callable[[int, int], list[dict[str, Any]]],
    ) -> None:
        """Write a file; make only the blocks that have changed or are not in its last version."""
        last = self._layouts.get(path) if changed is not None else None

        def blocks(last: Layout | None) -> Iterator[tuple[int, bytes | None]]:
            for number in numbers:
                is_kept = last is not None and number in last.blocks and number not in (changed or ())
                yield number, None if is_kept else encode_items(read(number * _BLOCK, (number + 1) * _BLOCK))

        try:
            layout = list_blocks.write(path, document, name, blocks(last), last)
        except Replaced:
            layout = list_blocks.write(path, document, name, blocks(None), None)
        self._written[path] = layout.identity
        self._layouts.pop(path, None)
        if len(layout.blocks) > 1 or path == self._workspace.queue_json:
            self._layouts[path] = layout

    def look(self) -> None:
        """Let the next `write` make every file again if another program has changed one."""
        try:
            is_ours = all(identity_of(os.lstat(path)) == known for path, known in self._written.items())
        except OSError:
            is_ours = False
        if not is_ours:
            self._written.clear()
            self._layouts.clear()
            self._seq = -1
            self._looked = None


class _Changes(NamedTuple):
    """What the journal says about the time since an export; `blocks` is None for everything."""

    groups: list[str]
    blocks: frozenset[int] | None

    @classmethod
    def since(cls, tx: Transaction, seq: int) -> _Changes:
        groups = [row[0] for row in tx.rows("journal.groups_changed_since", seq=seq)]
        if seq < 0 or tx.row("journal.pruned_since", seq=seq)[0]:
            return cls(groups, None)
        rows = tx.rows("journal.blocks_changed_since", seq=seq, size=_BLOCK)
        return cls(groups, frozenset(row[0] for row in rows))


def _newest(tx: Transaction) -> tuple[int, str | None]:
    return tx.row("journal.last_seq")[0], tx.row("journal.daemon")["last_served_group"]


def _entry(tx: Transaction, seq: int) -> tuple[object, ...]:
    """Return an entry. If an older journal was restored, the entry is different or missing."""
    row = tx.row("journal.entry", seq=seq)
    return () if row is None else tuple(row)


def _fingerprint(written: dict[Path, Identity], entry: tuple[object, ...]) -> int:
    """Return a fingerprint of the files and of the journal that they show."""
    return zlib.crc32(repr((sorted(written.items()), entry)).encode("utf-8", "surrogateescape"))


def _read_map(path: Path) -> tuple[int, int, Layout] | None:
    """Return the newest entry that the exports show, their fingerprint, and queue.json's layout."""
    try:
        found = json.loads(read_bounded(path, _MAP_LIMIT))
        inode, size, changed = map(int, found["identity"])
        blocks = {int(number): int(length) for number, length in found["blocks"]}
        layout = Layout((inode, size, changed), int(found["start"]), blocks)
        return int(found["seq"]), int(found["fingerprint"]), layout
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def _write_map(path: Path, seq: int, fingerprint: int, layout: Layout) -> None:
    """Note where the blocks are, after all files are written: the note stands for all of them."""
    document = {
        "seq": seq,
        "fingerprint": fingerprint,
        "identity": layout.identity,
        "start": layout.start,
        "blocks": list(layout.blocks.items()),
    }
    write_atomic(path, json.dumps(document).encode("ascii"), durable=False)


@contextlib.contextmanager
def _export_lock(path: Path) -> Iterator[None]:
    """Hold the exporters' lock; TimeoutError if another process keeps it, which may be stopped."""
    descriptor = open_file(path, os.O_RDWR | os.O_CREAT)
    try:
        deadline = time.monotonic() + _LOCK_SECONDS
        while not _is_locked(descriptor):
            if time.monotonic() > deadline:
                raise TimeoutError(errno.ETIMEDOUT, "another process keeps the lock", str(path))
            time.sleep(_LOCK_PAUSE)
        yield
    finally:
        os.close(descriptor)


def _is_locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def refresh(workspace: Workspace) -> None:
    """Update the exports, unless another process has done so meanwhile.

    On a full or read-only disk the files only get old: the change itself is in the journal. A daemon that
    writes them at the same time sees that somebody else has, and writes them again.
    """
    with (
        contextlib.suppress(OSError),
        _export_lock(workspace.export_lock),
        open_journal(workspace) as journal,
    ):
        made = Exporter(workspace, journal)
        if not made.is_current():
            made.write()


def check(workspace: Workspace) -> list[str]:
    """Return the differences between the exported files and the journal, as sentences."""
    if not exists(workspace):
        return []
    with open_journal(workspace) as journal, journal.read() as tx:
        rows = tx.rows("jobs.all")
        daemon = records.daemon(tx.row("journal.daemon"))
        queue = queue_document(
            daemon, rows, tx.row("journal.last_seq")[0], waiting_on(tx, rows), places(tx, rows)
        )
        groups = [records.group(tx.row("groups.by_id", group_id=row[0])) for row in tx.rows("groups.ids")]
        best = {group.group_id: best_run(tx, group) for group in groups}
    members: dict[str, list[Job]] = {group.group_id: [] for group in groups}
    for job in map(records.job, rows):
        if job.group_id is not None:
            members[job.group_id].append(job)
    found = _difference(workspace.queue_json, queue)
    for group in groups:
        document = group_document(group, best[group.group_id], members[group.group_id])
        found += _difference(workspace.group_dir(group.group_id) / _GROUP, document)
    return found


def _difference(path: Path, document: dict[str, Any]) -> list[str]:
    try:
        seen = json.loads(read_bounded(path, EXPORT_LIMIT))
    except FileNotFoundError:
        return [f"{path} is missing"]
    except (OSError, ValueError, RecursionError) as error:
        return [f"{path} cannot be read: {error}"]
    if seen == json.loads(encode(document)):
        return []
    return [f"{path} differs from the journal"]
