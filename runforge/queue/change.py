"""One change of the queue: a transaction, then the daemon is woken and the exports are written.

Refusals change nothing.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from runforge import failpoints
from runforge.exports import exporter
from runforge.queue import wakeup
from runforge.store.journal import CHECKPOINT_BYTES, Journal, Transaction
from runforge.store.opening import open_journal, require_journal
from runforge.workspace import Workspace


def announce(workspace: Workspace) -> None:
    """Wake the daemon after a change, and write the exports if there is no daemon."""
    failpoints.hit("command.committed")
    wakeup.ring(workspace.doorbell)
    exporter.refresh_if_alone(workspace)


@contextlib.contextmanager
def change(workspace: Workspace) -> Iterator[Transaction]:
    """One transaction on an existing journal, announced after its commit."""
    with existing(workspace) as journal:
        with journal.write() as tx:
            yield tx
        tidy(journal)
    announce(workspace)


def tidy(journal: Journal) -> None:
    """Fold a large WAL back into the journal."""
    journal.checkpoint(above=CHECKPOINT_BYTES)


def existing(workspace: Workspace) -> Journal:
    """Open the journal; a command that has nothing to change must not make one."""
    require_journal(workspace)
    return open_journal(workspace)
