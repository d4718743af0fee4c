"""What the daemon should do: run, drain, or stop. It reads this from the journal."""

from __future__ import annotations

from runforge.queue.change import change
from runforge.workspace import Workspace


def set_wanted(workspace: Workspace, wanted: str, drain_until: str | None = None) -> None:
    """Tell the daemon to run, to drain, or to stop."""
    with change(workspace) as tx:
        tx.run("journal.set_wanted", wanted=wanted, drain_until=drain_until)
