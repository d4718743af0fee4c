"""Errors of the journal for people: one clear error for each way in which SQLite fails."""

from __future__ import annotations

from runforge import blocks
from runforge.errors import InternalError, Missing, OperationFailed, RunForgeError
from runforge.later import module, re
from runforge.store.sqlite import DatabaseError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runforge.machine import disk_space
    from runforge.paths import Path
else:
    disk_space = module("runforge.machine.disk_space")

#: SQLite's messages on a file system that takes no more writes.
_HIDES_READ_ONLY = "readonly|I/O|unable to open"


class JournalBusy(OperationFailed):
    """Another process holds the journal for too long."""


class DiskFull(OperationFailed):
    """The disk under the journal has no space left; nothing was changed."""


class ReadOnlyDisk(OperationFailed):
    """The file system under the journal is read-only now; nothing was changed."""


class DiskFailing(InternalError):
    """The disk gave an input/output error. It is not known what was stored, so nothing is tried again."""


class JournalUnreadable(InternalError):
    """The file is damaged or is not a journal."""


class JournalMissing(Missing):
    """The journal is missing. RunForge does not make a new one by itself."""


class JournalReplaced(InternalError):
    """The journal's file was replaced: it is not the open one, or its -wal belongs to another file."""


class IllegalTransition(OperationFailed):
    """A job was not in a state from which this move is allowed; nothing was changed."""


class Fenced(InternalError):
    """A newer daemon has taken over; this one may no longer write."""


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
    if "full" in text or ("I/O" in text and disk_space.is_full(journal.parent)):
        return DiskFull(
            "the disk is full; nothing was changed", where=where, fix="Free some space and try again"
        )
    if re.search(_HIDES_READ_ONLY, text) and disk_space.is_read_only(journal.parent):
        return ReadOnlyDisk(
            "the file system is read-only; nothing was changed",
            where=where,
            fix="Look at `dmesg` for the reason, then mount it writable",
        )
    if "readonly" in text or "read-only" in text:
        return OperationFailed(
            "you may not write the journal; nothing was changed",
            where=where,
            fix=f"It needs `chmod u+w` on the file and on {journal.parent}, by their owner",
        )
    if "I/O" in text:
        return DiskFailing(
            "the disk gave an input/output error; it is not known what was stored",
            where=where,
            fix="Look at `dmesg`; once the disk is sound, `runforge doctor` checks the journal",
        )
    if "malformed" in text or "not a database" in text:
        return JournalUnreadable(
            f"the journal is damaged ({text})",
            where=where,
            fix="Nothing was changed. Stop the daemon if one is running, then run `runforge doctor --recover`, "
            "which saves what can be saved and keeps the damaged file",
        )
    if "unable to open" in text:
        return OperationFailed(
            "the journal cannot be opened",
            where=where,
            fix="Check that the folder exists, that you may write to it, and `ulimit -n`",
        )
    return InternalError(f"the journal failed: {text}", where=where, fix="Run `runforge doctor`")


@blocks.contextmanager
def explained(journal: Path) -> Iterator[None]:
    """Turn SQLite's errors inside the block into errors for people."""
    try:
        yield
    except DatabaseError as error:
        raise explain(error, journal) from error
