"""Takes back what waits in a cluster's queue and is not to begin now: paused, wanted by a person, or not the most urgent.

What was submitted is out of the scheduler's hands. Only a small window is, so pauses and priorities keep their meaning.
"""

from __future__ import annotations

from runforge.backends.base import Backend
from runforge.daemon.attempt_table import AttemptTable
from runforge.store.journal import Journal


class Window:
    """What a daemon has submitted that has not begun."""

    def __init__(self, journal: Journal, backend: Backend) -> None:
        self._journal = journal
        self._backend = backend
        self._seen: tuple[int, int] | None = None

    def step(self, attempts: AttemptTable, room: int | None) -> None:
        """Take back what must be; `room` is how many more may be submitted, None where attempts begin at once."""
        if room is None or not attempts or self._seen == (version := self._journal.version()):
            return
        self._seen = version
        with self._journal.read() as tx:
            found = [row["job_id"] for row in tx.rows("jobs.to_recall", is_full=int(room == 0))]
        for job_id in found:
            running = attempts.of_job(job_id)
            if running is not None:
                self._backend.recall(running.ref)
