"""Deletes the artifacts of a sweep's ended runs, but for those of its best ones, where the sweep asks for that.

The journal says it before a folder is deleted. Runs that wait or go on keep theirs.
"""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable
from typing import Any

from runforge import failpoints
from runforge.clock import Clock
from runforge.core.ranking import MINIMIZE
from runforge.store.journal import Journal, Transaction

FOLDER = "artifacts"
#: Seconds between two looks, and how many folders one of them looks at.
LOOK_SECONDS = 3.0
_MOST_AT_ONCE = 100


class ArtifactKeeper:
    """Looks after the artifacts of one workspace."""

    def __init__(
        self, journal: Journal, clock: Clock, epoch: Callable[[], int], log: Callable[[str], None]
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._epoch = epoch
        self._log = log
        #: The journal's version when nothing was left to do.
        self._seen: tuple[int, int] | None = None
        #: The journal's version, for other processes alone, when no sweep wanted anything deleted.
        self._idle: int | None = None
        self._next = -math.inf
        #: (job, attempt): their artifacts are gone, or cannot be deleted.
        self._done: set[tuple[str, int]] = set()

    def wait_seconds(self) -> float | None:
        """Return the seconds until the next look; None if the journal's next change will do."""
        if self._is_seen(self._journal.version()):
            return None
        return max(0.0, self._next - self._clock.monotonic())

    def step(self) -> None:
        """Delete what is not to be kept, if it is time."""
        version = self._journal.version()
        if self._clock.monotonic() < self._next or self._is_seen(version):
            return
        with self._journal.read() as tx:
            sweeps = tx.rows("sweeps.keeping")
            left = [row for sweep in sweeps for row in self._left(tx, sweep)]
        self._idle = None if sweeps else version[0]
        if sweeps:
            self._next = self._clock.monotonic() + LOOK_SECONDS
        for row in left[:_MOST_AT_ONCE]:
            self._delete(row)
        self._seen = self._journal.version() if len(left) <= _MOST_AT_ONCE else None

    def _is_seen(self, version: tuple[int, int]) -> bool:
        """Return whether nothing that matters has changed: only others say what a sweep keeps."""
        return version in {self._seen, (self._idle, version[1])}

    def finish(self) -> None:
        """Delete all that is not to be kept now, because no other look follows."""
        while not self._is_seen(self._journal.version()):
            self._next = -math.inf
            self.step()

    def _left(self, tx: Transaction, sweep: Any) -> list[Any]:
        """Return the ended runs of a sweep that are not among its best ones, and were not looked at."""
        sign = 1 if sweep["direction"] == MINIMIZE else -1
        rows = tx.rows(
            "sweeps.not_best",
            group_id=sweep["group_id"],
            keep=sweep["keep"],
            metric=sweep["metric"],
            sign=sign,
        )
        return [row for row in rows if (row["job_id"], row["attempt"]) not in self._done]

    def _delete(self, row: Any) -> None:
        known = row["job_id"], row["attempt"]
        folder = self._journal.workspace.root / row["run_dir"] / FOLDER
        if folder.is_symlink() or not folder.is_dir():
            self._done.add(known)
            return
        with self._journal.write(self._epoch()) as tx:
            noted = tx.run(
                "sweeps.note_deleted", job_id=row["job_id"], attempt=row["attempt"], now=self._clock.now()
            )
        failpoints.hit("artifacts.noted")
        self._done.add(known)
        if not noted:  # somebody has queued it again
            return
        try:
            shutil.rmtree(folder)
        except OSError as error:
            self._log(f"WARNING: the artifacts of run {row['run_id']} cannot be deleted: {error}")
