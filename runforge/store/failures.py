"""What a failing journal means for a person: one clear error for each way that SQLite fails."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from runforge.errors import InternalError, Missing, OperationFailed, RunForgeError
from runforge.machine.disk_space import is_full, is_read_only
from runforge.store.sqlite import DatabaseError

#: What SQLite says on a file system that takes no writes any more.
_HIDES_READ_ONLY = "readonly|I/O|unable to open"


class JournalBusy(OperationFailed):
    """Somebody else holds the journal for too long."""


class DiskFull(OperationFailed):
    """The disk under the journal has no space left; nothing was changed."""


class ReadOnlyDisk(OperationFailed):
    """The file system under the journal is read-only now; nothing was changed."""


class DiskFailing(InternalError):
    """The disk gave an input/output error: what it has kept is not known, so nothing is tried again."""


class JournalUnreadable(InternalError):
    """The journal is damaged or is not a journal."""


class JournalMissing(Missing):
    """There was a journal, and it is not there; none is made in its place without a word."""


class JournalReplaced(InternalError):
    """Another file stands in the journal's place than the one that is open, or that its -wal belongs to."""


class IllegalTransition(OperationFailed):
    """A job was not in a state from which this move is allowed; nothing was changed."""


class Fenced(InternalError):
    """A newer daemon has taken over; this one may not write any more."""


def explain(error: Exception, journal: Path) -> RunForgeError:  # noqa: PLR0911 - one case a line
    """Return the error that tells a person what SQLite's error means."""
    text = str(error)
    where = str(journal)
    if "illegal transition" in text:
        return IllegalTransition(text, where=where)
    if "locked" in text or "busy" in text:
        return JournalBusy(
            "the journal is busy",
            where=where,
            fix="Another program has held it for 30 seconds; `runforge doctor` names it",
        )
    if "full" in text or ("I/O" in text and is_full(journal.parent)):
        return DiskFull(
            "the disk is full; nothing was changed", where=where, fix="Free some space and try again"
        )
    if re.search(_HIDES_READ_ONLY, text) and is_read_only(journal.parent):
        return ReadOnlyDisk(
            "the file system is read-only; nothing was changed",
            where=where,
            fix="Look at `dmesg` for the reason, then mount it writable",
        )
    if "readonly" in text or "read-only" in text:
        return OperationFailed(
            "the journal may not be written by you; nothing was changed",
            where=where,
            fix=f"It needs `chmod u+w` on the file and on {journal.parent}, by their owner",
        )
    if "I/O" in text:
        return DiskFailing(
            "the disk gave an input/output error, what it has kept is not known",
            where=where,
            fix="Look at `dmesg`; once the disk is sound, `runforge doctor` checks the journal",
        )
    if "malformed" in text or "not a database" in text:
        return JournalUnreadable(
            f"the journal is damaged ({text})",
            where=where,
            fix="Nothing was changed. Stop the daemon if one lives, then run `runforge doctor --recover`, "
            "which saves what can be saved and keeps the damaged file",
        )
    if "unable to open" in text:
        return OperationFailed(
            "the journal cannot be opened",
            where=where,
            fix="Check that the folder exists, that you may write to it, and `ulimit -n`",
        )
    return InternalError(f"the journal failed: {text}", where=where, fix="Run `runforge doctor`")


@contextlib.contextmanager
def explained(journal: Path) -> Iterator[None]:
    """Turn SQLite's errors inside the block into errors for people."""
    try:
        yield
    except DatabaseError as error:
        raise explain(error, journal) from error
