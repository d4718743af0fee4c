"""Checking the journal against itself: replaying its entries must give its tables.

Used by `runforge doctor`, the gauntlets and the tests.
"""

from __future__ import annotations

from runforge.store import replay
from runforge.store.failures import explained
from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace


def check(workspace: Workspace) -> list[str]:
    """Return every contradiction found, as sentences; empty when all is well."""
    if not exists(workspace):
        return []
    with open_journal(workspace) as journal, explained(workspace.journal):
        return replay.check_connection(journal.connection)


def unknown_runs(workspace: Workspace) -> list[str]:
    """Return the runs of a sweep, or that were started, which no entry names: the journal is older than they.

    A command that is making a sweep this moment has its folders there before it enqueues them.
    """
    if not exists(workspace):
        return []
    with open_journal(workspace) as journal, journal.read() as tx:
        known = {row[0] for row in tx.rows("journal.runs_ever")}
    attempts = workspace.attempt_dir("run", 1).parent.parent
    started = [path.name for path in attempts.iterdir()] if attempts.is_dir() else []
    made = [path.name for path in workspace.runs_dir.glob("*-sweep-*")]
    return sorted({*started, *made} - known)
