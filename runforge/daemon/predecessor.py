"""Tells of a daemon that died: it cannot do so itself, so its successor does, in the log and as a notice."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from runforge import cells, clock
from runforge.files.durable import read_bounded
from runforge.store import outbox

if TYPE_CHECKING:
    from runforge.core.daemon_row import DaemonRow
    from runforge.store.journal import Transaction
    from runforge.workspace import Workspace

#: A shorter absence is in the log alone: somebody has started the next one at once.
_NOTICED_SECONDS = 60.0
_LIMIT = 1024 * 1024


class Gone(NamedTuple):
    """A daemon that ended without a word, and for how long nobody was there."""

    pid: int
    since: str
    seconds: float

    @property
    def words(self) -> str:
        """Return it as a sentence."""
        return f"the daemon before this one (pid {self.pid}) died; it was gone for {cells.span(self.seconds)}"


def found(workspace: Workspace, row: DaemonRow, now: str) -> Gone | None:
    """Return the daemon of this row, if it has not said that it stopped. The caller has its lock: it is dead."""
    if row.pid is None or row.state == "stopped":
        return None
    try:
        beat = json.loads(read_bounded(workspace.daemon_json, _LIMIT))["last_heartbeat"]
        return Gone(row.pid, beat, clock.seconds_between(beat, now))
    except (OSError, ValueError, LookupError, TypeError):
        return None


def note(tx: Transaction, gone: Gone, now: str) -> None:
    """Put a notice into the outbox, in the transaction that takes over."""
    if gone.seconds >= _NOTICED_SECONDS:
        text = gone.words[0].upper() + gone.words[1:]
        detail = {"text": text, "pid": gone.pid, "since": gone.since, "seconds": round(gone.seconds)}
        outbox.note(tx, "daemon_gone", detail=detail, now=now)
