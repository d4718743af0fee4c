"""One change of the queue: a transaction, then the daemon is woken and the exports are written.

Refusals change nothing.
"""

from __future__ import annotations

from runforge import blocks, failpoints
from runforge.queue import wakeup
from runforge.store import daemon_holder
from runforge.store.journal import CHECKPOINT_BYTES, Journal, Transaction
from runforge.store.opening import open_journal, require_journal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from runforge.workspace import Workspace

#: A live daemon is given this long to show a change in the exports: who writes them beside it makes both write all.
SHOW_SECONDS = 10.0


def call(workspace: Workspace) -> wakeup.Call:
    """Wake the daemon. It is the first thing after a commit: what was queued waits for it."""
    failpoints.hit("command.committed")
    return wakeup.Call(workspace.doorbell)


def announce(workspace: Workspace, called: wakeup.Call | None = None) -> None:
    """Tell the daemon of a change, unless it was called already, and return when the exports show it.

    Where no daemon lives, or the one that does has no time or is stopped, they are written here.
    """
    called = called or call(workspace)
    try:
        daemon = daemon_holder.holder(workspace)
        is_awake = daemon is not None and daemon_holder.process_state(daemon.pid) not in {"T", "t"}
        if is_awake and called.is_answered(SHOW_SECONDS):
            return
    finally:
        called.end()
    from runforge.exports import exporter  # a daemon writes them, where there is one

    exporter.refresh(workspace)


@blocks.contextmanager
def change(workspace: Workspace) -> Iterator[Transaction]:
    """One transaction on an existing journal, announced after its commit."""
    with committed(workspace) as tx:
        yield tx
    announce(workspace)


@blocks.contextmanager
def committed(workspace: Workspace) -> Iterator[Transaction]:
    """One transaction on an existing journal, for a caller that has more to do before it announces it."""
    with existing(workspace) as journal:
        with journal.write() as tx:
            yield tx
        tidy(journal)


def tidy(journal: Journal) -> None:
    """Fold a large WAL back into the journal."""
    journal.checkpoint(above=CHECKPOINT_BYTES)


def existing(workspace: Workspace) -> Journal:
    """Open the journal; a command that has nothing to change must not make one."""
    from runforge.queue import abandoned

    require_journal(workspace)
    journal = open_journal(workspace)
    try:
        abandoned.cancel(workspace, journal)  # first: a later retry wants it to run
    except BaseException:
        journal.close()
        raise
    return journal


def take_over_older(workspace: Workspace) -> str | None:
    """Make the older program's queue the first journal, where that is still to be done; return it in words."""
    from runforge.store.recovery import older  # once in the life of a workspace

    taken = older.take_over(workspace)
    if taken is not None:
        announce(workspace)
    return taken


def settle(workspace: Workspace) -> int:
    """Cancel what killed sweeps have left waiting, whatever else the command does; return how many runs."""
    from runforge.queue import abandoned

    require_journal(workspace)
    with open_journal(workspace) as journal:
        canceled = abandoned.cancel(workspace, journal)
    if canceled:
        announce(workspace)
    return canceled
