"""What begins before Textual is imported: the user's choices are read, and the first look at the queue is on its way."""

from __future__ import annotations

import os
from pathlib import Path

from runforge.named import NamedTuple
from runforge.tui.choices import Choices
from runforge.tui.feed import Feed
from runforge.views.queue_snapshot import SORTS, JobQuery
from runforge.workspace import Workspace

#: Seconds between two readings of a queue that changes all the time; over SSH each costs bytes.
_PACE, _REMOTE_PACE = 0.5, 1.0
#: Rows of the first look where the terminal's height is not known.
_ROWS = 100


class Beginning(NamedTuple):
    """What the app takes over."""

    choices: Choices
    #: Where choices are kept; None keeps none.
    file: str | Path | None
    query: JobQuery
    feed: Feed


def begin(
    workspace: Workspace, chosen: Choices, *, file: str | Path | None = None, seconds: float | None = None
) -> Beginning:
    """Return the choices of a user, and the thread that watches the queue in the order chosen; not started yet."""
    order = chosen if chosen.sort in SORTS else Choices()
    query = JobQuery(sort=order.sort, is_reversed=order.is_reversed)
    if seconds is None:
        seconds = _REMOTE_PACE if "SSH_CONNECTION" in os.environ else _PACE
    feed = Feed(workspace, seconds=seconds, rows=_rows())
    feed.ask(query)
    return Beginning(chosen, file, query, feed)


def _rows() -> int:
    """Return how many rows a table as high as the terminal asks for at first."""
    try:
        lines = os.get_terminal_size(2).lines
    except OSError:
        lines = 0
    return lines * 3 // 2 or _ROWS
