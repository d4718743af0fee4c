"""Jobs that could not be launched because of their own files. Each is tried again after a while."""

from __future__ import annotations

from collections import Counter

from runforge.clock import seconds_between
from runforge.core.outcome import Ending
from runforge.core.states import Cause
from runforge.store.journal import Transaction

#: Seconds before the next try, at first and at most. They double each time.
_FIRST = 1.0
_LAST = 60.0


class Delays:
    """When the next delayed job is due, and how often each was delayed in a row."""

    def __init__(self) -> None:
        self._tries: Counter[str] = Counter()
        self._next: str | None = None
        #: The journal's version at which that was read.
        self._read: int | None = None

    def is_first(self, job_id: str) -> bool:
        """Return whether this is the job's first delay in a row."""
        return job_id not in self._tries

    def next(self, job_id: str) -> float:
        """Return for how many seconds a job is delayed now."""
        self._tries[job_id] += 1
        return float(min(_LAST, _FIRST * 2 ** (self._tries[job_id] - 1)))

    def note(self, job_id: str, ending: Ending) -> None:
        """Forget a job that was launched."""
        if ending.cause is not Cause.POSTPONED:
            self._tries.pop(job_id, None)

    def load(self, tx: Transaction) -> None:
        """Read when the next one is due."""
        self._next = tx.row("jobs.next_due")[0]

    @property
    def has_any(self) -> bool:
        """Whether some job is delayed."""
        return self._next is not None

    def is_due(self, now: str) -> bool:
        """Return whether some delayed job may be tried again."""
        return self._next is not None and now >= self._next

    def wait_seconds(self, now: str) -> float | None:
        """Return the seconds until one is due; None if none is delayed."""
        return None if self._next is None else seconds_between(now, self._next)

    def release(self, tx: Transaction, now: str, version: int, *, has_delayed: bool) -> None:
        """Let the due jobs start, inside this transaction; `has_delayed`: it may have delayed one itself.

        `version` changes when another process writes. What this one writes may be rolled back: then it is read again.
        """
        is_due = self.is_due(now)
        if is_due:
            tx.run("jobs.release_due", now=now)
        elif self._read == version and not has_delayed:
            return
        self.load(tx)
        self._read = None if is_due or has_delayed else version
