"""The JSON files for other programs, written from the journal. They are never read as the truth.

Owns queue.json and group.json (docs/contract.md, sections 2 and 4). A running daemon writes them; without
one, the command that changed something writes them under the export lock. However many jobs and groups there are,
one write is bounded: queue.json shows the newest of the ended jobs (`window`), and few group.json are written at once.
"""

from __future__ import annotations

import errno
import fcntl
import itertools
import time

from runforge import blocks, failpoints
from runforge.exports import contents, export_map, list_blocks, window
from runforge.exports.export_map import Noted, fingerprint
from runforge.exports.list_blocks import Identity, Layout, Replaced, identity_of
from runforge.exports.window import BLOCK, EVERY
from runforge.files.durable import make_dir, open_file
from runforge.named import NamedTuple
from runforge.paths import Path
from runforge.store.opening import exists, open_journal
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from typing import Any

    from runforge.store.journal import Journal, Transaction
    from runforge.workspace import Workspace

_GROUP = "group.json"
#: How long to wait for another process that writes the exports.
_LOCK_SECONDS = 10.0
_LOCK_PAUSE = 0.005
#: So many group.json of groups that have changed are written at once: each is synced. And so many of others, by a
#: daemon, and by a command, for which somebody waits.
_CHANGED_AT_ONCE = 64
_OTHERS_AT_ONCE, _OTHERS_OF_A_COMMAND = 16, 4
#: Of so many groups, the newest ones, each exporter sees whether somebody has touched their files.
_GROUPS_WATCHED = 512
#: Where nobody knows which groups have changed, those of so many newest entries have.
_NEWEST_ENTRIES = 10_000


class Exporter:
    """Writes what has changed since the last write; in long files only the changed blocks."""

    def __init__(self, workspace: Workspace, journal: Journal, *, others: int = _OTHERS_AT_ONCE) -> None:
        """Write at once so many group.json of groups that have not changed, if it is not known what their files show."""
        self._others = others
        self._workspace = workspace
        self._journal = journal
        self._served: str | None = None
        self._looked: tuple[tuple[int, int], bool] | None = None
        #: Very many files may be looked at: their paths are texts.
        self._queue_json = str(workspace.queue_json)
        self._groups_dir = str(workspace.group_dir("g").parent)
        self._written: dict[str, Identity] = {}
        self._layouts: dict[str, Layout] = {}
        self._oldest = EVERY
        #: Groups whose files are still to be written, those that have changed (true) first.
        self._behind: dict[str, bool] = {}
        self._knows_behind = False
        #: The files show the journal up to this entry; -1 if that is not known.
        self._seq = self._resume()

    def _resume(self) -> int:
        """Continue the work of the last exporter, if its files are unchanged."""
        noted = export_map.read(self._workspace.queue_map)
        if noted is None:
            return -1
        with self._journal.read() as tx:
            entry = _entry(tx, noted.seq)
            watched = self._watched(tx, noted.behind)
        try:
            written = {path: identity_of(os.lstat(path)) for path in watched}
        except OSError:
            return -1
        if fingerprint(written, entry) != noted.fingerprint:
            return -1  # another journal, or a file was changed
        self._written = written
        self._layouts[self._queue_json] = noted.layout
        self._oldest, self._behind, self._knows_behind = noted.oldest, noted.behind, True
        return noted.seq

    def _watched(self, tx: Transaction, behind: Collection[str]) -> list[str]:
        """Return the files that the note stands for: queue.json, and those of the newest groups."""
        groups = (row[0] for row in tx.rows("groups.ids_newest_first", limit=_GROUPS_WATCHED))
        known = [self._group_json(group_id) for group_id in groups if group_id not in behind]
        return [*known, self._queue_json]

    def _group_json(self, group_id: str) -> str:
        return f"{self._groups_dir}/{group_id}/{_GROUP}"

    def is_behind(self) -> bool:
        """Return whether there is something that the files do not show yet."""
        if self._behind:
            return True
        version = self._journal.version()
        if self._looked is None or self._looked[0] != version:
            with self._journal.read() as tx:
                self._looked = version, _newest(tx) != (self._seq, self._served)
        return self._looked[1]

    def may_be_behind(self) -> bool:
        """Return whether to ask `is_behind`: there was a commit since it was asked. Reads nothing."""
        return (
            bool(self._behind)
            or self._looked is None
            or self._looked[1]
            or self._looked[0] != self._journal.version()
        )

    def is_current(self) -> bool:
        """Return whether the files show the journal's newest entry."""
        with self._journal.read() as tx:
            return _newest(tx)[0] == self._seq and not self._behind

    def owes(self) -> bool:
        """Return whether groups have changed and their files do not show it yet, because there were many."""
        return next(iter(self._behind.values()), False)

    def write(self) -> None:
        """Update queue.json, and the group.json of groups that have changed, some at once. Raises OSError.

        Where it is not known what the files show, queue.json is made anew, and all group.json are, some at each write.
        """
        # The queue is first, so that a reader that sees a group ended finds its jobs ended too.
        make_dir(self._workspace.queue_dir)
        with self._journal.read() as tx:
            newest = _newest(tx)
            entry = _entry(tx, newest[0])
            changes = _Changes.since(tx, self._seq)
            self._add_behind(tx, changes)
            failpoints.hit("export.read")
            blocked = None
            try:
                if newest != (self._seq, self._served) or self._queue_json not in self._layouts:
                    self._write_queue(tx, newest[0], changes)
            except IsADirectoryError as error:
                blocked = error  # a foreign folder in the way costs only that one file
            failpoints.hit("export.queue_written")
            for group_id in self._due():
                self._write_group(tx, group_id, changes)
                del self._behind[group_id]
            watched = self._watched(tx, self._behind)
        if blocked is not None:
            raise blocked
        self._seq, self._served = newest
        self._looked = None
        self._note(watched, entry)

    def _add_behind(self, tx: Transaction, changes: _Changes) -> None:
        """Put the groups that have changed before those that had to be written already."""
        behind = dict.fromkeys(changes.groups, True)
        for group_id, has_changed in self._behind.items():
            behind.setdefault(group_id, has_changed)
        if not self._knows_behind:
            for row in tx.rows("groups.ids_newest_first", limit=-1):
                behind.setdefault(row[0], False)
        self._behind, self._knows_behind = behind, True
        due = set(self._due())
        for path in self._layouts.keys() - {self._queue_json}:
            group_id = path.split("/")[-2]
            if group_id in behind and group_id not in due:
                del self._layouts[path]  # the next write knows only of later changes

    def _due(self) -> list[str]:
        """Return the groups whose files are written now: those that have changed, else some of the others."""
        first = list(itertools.islice(self._behind.items(), _CHANGED_AT_ONCE))
        return [group for group, has_changed in first if has_changed] or [
            group for group, _ in first[: self._others]
        ]

    def _note(self, watched: list[str], entry: tuple[object, ...]) -> None:
        """Write down what the files show, for the next exporter."""
        # Groups come to be watched when newer ones are pruned.
        self._behind |= {path.split("/")[-2]: False for path in watched if path not in self._written}
        self._written = {path: self._written[path] for path in watched if path in self._written}
        layout = self._layouts[self._queue_json]
        noted = Noted(self._seq, fingerprint(self._written, entry), layout, self._oldest, self._behind)
        export_map.write(self._workspace.queue_map, noted)

    def _write_queue(self, tx: Transaction, seq: int, changes: _Changes) -> None:
        limit = window.ended_limit(self._workspace)
        shown = window.oldest(tx, limit)
        known = self._layouts.get(self._queue_json)
        changed: set[int] | None = None
        if changes.blocks is None or known is None:
            numbers = window.blocks(tx, shown)
        else:
            changed = changes.blocks | window.blocks_between(tx, self._oldest, shown)
            numbers = sorted(known.blocks.keys() | changed)
        self._splice(
            self._queue_json,
            contents.queue(tx, seq, limit),
            "jobs",
            numbers,
            changed,
            lambda at: contents.queue_items(tx, at, shown),
        )
        self._oldest = shown

    def _write_group(self, tx: Transaction, group_id: str, changes: _Changes) -> None:
        path = self._group_json(group_id)
        found = contents.group(tx, group_id)
        if found is None:  # pruned together with its files
            self._written.pop(path, None)
            self._layouts.pop(path, None)
            return
        make_dir(Path(path).parent)
        changed = changes.blocks if len(found.numbers) > 1 else None
        self._splice(path, found.document, "runs", found.numbers, changed, found.items)
        failpoints.hit("export.group_written")

    def _splice(
        self,
        path: str,
        document: dict[str, Any],
        name: str,
        numbers: list[int],
        changed: Collection[int] | None,
        items: Callable[[int], bytes],
    ) -> None:
        """Write a file; make only the blocks that have changed or are not in its last version."""
        last = self._layouts.get(path) if changed is not None else None

        def blocks(last: Layout | None) -> Iterator[tuple[int, bytes | None]]:
            for number in numbers:
                is_kept = last is not None and number in last.blocks and number not in (changed or ())
                yield number, None if is_kept else items(number)

        try:
            layout = list_blocks.write(Path(path), document, name, blocks(last), last)
        except Replaced:
            layout = list_blocks.write(Path(path), document, name, blocks(None), None)
        self._written[path] = layout.identity
        self._layouts.pop(path, None)
        if len(layout.blocks) > 1 or path == self._queue_json:
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
            self._seq, self._knows_behind = -1, False
            self._looked = None


class _Changes(NamedTuple):
    """What the journal says about the time since an export; `blocks` is None for everything."""

    groups: list[str]
    blocks: set[int] | None

    @classmethod
    def since(cls, tx: Transaction, seq: int) -> _Changes:
        if seq < 0:
            since = _newest(tx)[0] - _NEWEST_ENTRIES
            rows = tx.rows("journal.groups_changed_last", seq=since, limit=_CHANGED_AT_ONCE)
            return cls([row[0] for row in rows], None)
        groups = [row[0] for row in tx.rows("journal.groups_changed_since", seq=seq)]
        if tx.row("journal.pruned_since", seq=seq)[0]:
            return cls(groups, None)
        rows = tx.rows("journal.blocks_changed_since", seq=seq, size=BLOCK)
        return cls(groups, {row[0] for row in rows})


def _newest(tx: Transaction) -> tuple[int, str | None]:
    return tx.row("journal.last_seq")[0], tx.row("journal.daemon")["last_served_group"]


def _entry(tx: Transaction, seq: int) -> tuple[object, ...]:
    """Return an entry. If an older journal was restored, the entry is different or missing."""
    row = tx.row("journal.entry", seq=seq)
    return () if row is None else tuple(row)


@blocks.contextmanager
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
        blocks.suppress(OSError),
        _export_lock(workspace.export_lock),
        open_journal(workspace) as journal,
    ):
        made = Exporter(workspace, journal, others=_OTHERS_OF_A_COMMAND)
        if not made.is_current():
            made.write()
        while made.owes():
            made.write()


def check(workspace: Workspace, progress: Callable[[int, int], object] | None = None) -> list[str]:
    """Return the differences between the exported files and the journal, as sentences.

    The files are compared with what would be written, a block at a time. `progress` is told of how many groups how
    many were compared.
    """
    if not exists(workspace):
        return []
    with open_journal(workspace) as journal, journal.read() as tx:
        limit = window.ended_limit(workspace)
        shown = window.oldest(tx, limit)
        document = contents.queue(tx, tx.row("journal.last_seq")[0], limit)
        parts = (contents.queue_items(tx, number, shown) for number in window.blocks(tx, shown))
        found = [_difference(workspace.queue_json, document, "jobs", parts)]
        ids = tx.rows("groups.ids")
        for done, row in enumerate(ids):
            if progress is not None:
                progress(done, len(ids))
            path = workspace.group_dir(row[0]) / _GROUP
            if not os.path.lexists(path):
                found.append(f"{path} is missing")
                continue
            group = contents.group(tx, row[0])
            if group is not None:
                found.append(_difference(path, group.document, "runs", map(group.items, group.numbers)))
    return [text for text in found if text is not None]


def _difference(path: Path, document: dict[str, Any], name: str, parts: Iterable[bytes]) -> str | None:
    try:
        is_same = list_blocks.is_same(path, document, name, parts)
    except FileNotFoundError:
        return f"{path} is missing"
    except OSError as error:
        return f"{path} cannot be read: {error}"
    return None if is_same else f"{path} differs from the journal"
