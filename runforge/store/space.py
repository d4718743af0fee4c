"""Gives the space of what was forgotten back to the disk.

A journal is made so that it can shrink page by page (`migrate`): some pages at a time are moved, in transactions that
others write between. A journal of an older version cannot. It is written anew once, whole, and can from then on; that
holds writers up, so only a small one is, or one without a daemon. A kill, a power cut or a full disk leaves the journal
as it was after the last step.
"""

from __future__ import annotations

from collections.abc import Callable

from runforge.store import daemon_holder
from runforge.store.failures import DiskFull, explained
from runforge.store.journal import CHECKPOINT_BYTES, Journal

#: Less free space than this stays in the file: new runs use it soon.
_LITTLE = 8 * 1024 * 1024
#: So many pages are moved at once.
_PAGES = 1_000
#: A journal with less content than this is written anew in a second or two, also while a daemon lives.
_SMALL = 128 * 1024 * 1024
_INCREMENTAL = 2


def give_back(journal: Journal, progress: Callable[[int, int], object]) -> int:
    """Shrink the file; return how many bytes of it are still free, 0 if that is little."""
    if free(journal) < _LITTLE:
        return 0
    if _number(journal, "auto_vacuum") == _INCREMENTAL:
        _move_pages(journal, progress)
    elif _used(journal) < _SMALL or daemon_holder.holder(journal.workspace) is None:
        _write_anew(journal)
    left = free(journal)
    return left if left >= _LITTLE else 0


def free(journal: Journal) -> int:
    """Return how many bytes of the file are free."""
    return _number(journal, "freelist_count") * _number(journal, "page_size")


def _used(journal: Journal) -> int:
    return _number(journal, "page_count") * _number(journal, "page_size") - free(journal)


def _number(journal: Journal, pragma: str) -> int:
    with explained(journal.workspace.journal):
        return int(journal.connection.execute(f"PRAGMA {pragma}").fetchone()[0])


def _move_pages(journal: Journal, progress: Callable[[int, int], object]) -> None:
    first = left = _number(journal, "freelist_count")
    while left:
        with journal.write():
            journal.connection.execute(f"PRAGMA incremental_vacuum({_PAGES})").fetchall()
        journal.checkpoint(above=CHECKPOINT_BYTES)
        before, left = left, _number(journal, "freelist_count")
        progress(first - left, first)
        if left >= before:  # others free pages as fast
            break
    journal.checkpoint()


def _write_anew(journal: Journal) -> None:
    """Let SQLite write the whole journal anew, in one transaction; on a full disk nothing changes."""
    journal.reattach()
    try:
        with journal.locked(), explained(journal.workspace.journal):
            journal.connection.execute(f"PRAGMA auto_vacuum={_INCREMENTAL}").fetchall()
            journal.connection.execute("VACUUM").fetchall()
    except DiskFull:
        return
    journal.checkpoint()
