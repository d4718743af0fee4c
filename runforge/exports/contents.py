"""What the exported files are made of, read from the journal: a document, and the blocks of its long list."""

from __future__ import annotations

from runforge.exports import window
from runforge.exports.documents import (
    best_run,
    group_document,
    job_documents,
    places,
    queue_document,
    run_entries,
    waiting_on,
)
from runforge.exports.list_blocks import encode_items
from runforge.exports.window import BLOCK, Oldest
from runforge.named import NamedTuple
from runforge.store import records

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from runforge.store.journal import Transaction

#: Above every job's number.
_AFTER_ALL = 1 << 62


def queue(tx: Transaction, seq: int, limit: int | None) -> dict[str, Any]:
    """Return queue.json without its jobs."""
    return queue_document(records.daemon(tx.row("journal.daemon")), seq, tx.row("jobs.totals"), limit)


def queue_items(tx: Transaction, number: int, shown: Oldest) -> bytes:
    """Return a block of queue.json's jobs."""
    rows = window.jobs(tx, number, shown)
    waiting = waiting_on(tx, rows)
    where = places(tx, rows)
    return encode_items(job_documents(rows, waiting, where))


class GroupFile(NamedTuple):
    """What a group.json is made of: all but its runs, and its runs in blocks."""

    document: dict[str, Any]
    numbers: list[int]
    items: Callable[[int], bytes]


def group(tx: Transaction, group_id: str) -> GroupFile | None:
    """Return what a group's file is made of; None if there is no such group."""
    row = tx.row("groups.by_id", group_id=group_id)
    if row is None:
        return None
    found = records.group(row)
    is_short = found.total <= BLOCK

    def items(number: int) -> bytes:
        first, after = (0, _AFTER_ALL) if is_short else (number * BLOCK, (number + 1) * BLOCK)
        return encode_items(
            run_entries(tx.rows("jobs.runs_of_group", group_id=group_id, first=first, after=after))
        )

    numbers = [0]
    if not is_short:
        numbers = [row[0] for row in tx.rows("jobs.blocks_of_group", group_id=group_id, size=BLOCK)]
    return GroupFile(group_document(found, best_run(tx, found)), numbers, items)
