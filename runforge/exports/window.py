"""Which of the ended jobs queue.json shows: the newest ones, so many as `[exports] ended_jobs` says.

What has not ended is always shown. "Newest" is by the time of their end, so that a client sees how a job ended
that had waited long.
"""

from __future__ import annotations

from runforge.errors import RunForgeError
from runforge.named import NamedTuple
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.store.journal import Transaction
    from runforge.workspace import Workspace

#: How many ended jobs are shown if nothing else is set.
USUAL = 20_000
#: How many jobs are in a block of a long list: one that has changed is made anew as a whole.
BLOCK = 128


class Oldest(NamedTuple):
    """The oldest ended job that is shown: when it ended, and its number."""

    finished_at: str
    seq: int


#: Older than every job: all are shown.
EVERY = Oldest("", 0)


def ended_limit(workspace: Workspace) -> int | None:
    """Return how many ended jobs are shown at most; None for all. What is wrong in a file counts as not set."""
    from runforge import config  # most workspaces have no such file, and reading one takes milliseconds

    if not any(map(os.path.lexists, config.paths(workspace))):
        return USUAL
    try:
        limit = config.load(workspace)["exports.ended_jobs"]
    except RunForgeError:
        return USUAL
    return None if limit == "all" else int(limit)


def oldest(tx: Transaction, limit: int | None) -> Oldest:
    """Return the oldest ended job that is shown with this limit."""
    row = None if limit is None else tx.row("jobs.oldest_shown", others=limit - 1)
    return EVERY if row is None else Oldest(row["finished_at"], row["seq"])


def blocks(tx: Transaction, shown: Oldest) -> list[int]:
    """Return the numbers of the blocks that show a job."""
    return sorted(row[0] for row in tx.rows("jobs.blocks_shown", size=BLOCK, **shown._asdict()))


def blocks_between(tx: Transaction, one: Oldest, other: Oldest) -> set[int]:
    """Return the blocks of the ended jobs that only one of two lists shows."""
    first, last = sorted((one, other))
    if first == last:
        return set()
    values = {**first._asdict(), "until": last.finished_at, "until_seq": last.seq}
    return {row[0] for row in tx.rows("jobs.blocks_ended_between", size=BLOCK, **values)}


def jobs(tx: Transaction, number: int, shown: Oldest) -> list[object]:
    """Return the rows of the jobs that a block shows, in order."""
    return tx.rows("jobs.block_shown", first=number * BLOCK, after=(number + 1) * BLOCK, **shown._asdict())
