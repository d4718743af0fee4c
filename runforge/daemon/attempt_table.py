"""The running attempts of a daemon. None of this is stored on disk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from runforge.backends.base import AttemptRef, Order
from runforge.core.outcome import Ending, ExitRecord, Progress
from runforge.core.policy import Past
from runforge.core.records import Job

if TYPE_CHECKING:
    from runforge.core.outcome import Told
    from runforge.core.used import Used


@dataclass(slots=True)
class RunningAttempt:
    """A running job as the engine sees it."""

    job: Job
    ref: AttemptRef
    past: Past
    #: The journal's version (`Journal.data_version`) when the job was as it is here; None is not known. Who changes
    #: the job in this process sets it to None.
    version: int | None = None
    #: It may have ended and must be inspected.
    is_due: bool = False
    #: The end is known but not yet recorded (the disk may be full).
    ending: Ending | None = None
    #: The orders that it has; None is not known, because an earlier daemon has launched it.
    orders: set[Order] | None = field(default_factory=set)
    #: The number of the failure that kept it from being inspected the last time; logged once.
    trouble: int | None = None
    #: What it used, once its end is known; None if nothing is known of that.
    used: Used | None = None
    #: How it ended, as its supervisor has left it.
    record: ExitRecord | None = None
    #: How far it has come, if that is not recorded yet.
    progress: Progress | None = None
    #: Seconds for which its job is not tried again.
    delay: float | None = None
    #: What the end of its log says of its failure.
    told: Told | None = None
    #: UUIDs of its devices.
    devices: tuple[str, ...] = ()

    def note(self, **changes: object) -> None:
        """Remember something for the next decision."""
        self.past = self.past._replace(**changes)  # type: ignore[arg-type]


class AttemptTable:
    """The running attempts, found by their job or by their token."""

    def __init__(self) -> None:
        self._by_job: dict[str, RunningAttempt] = {}
        self._by_token: dict[str, RunningAttempt] = {}

    def __iter__(self) -> Iterator[RunningAttempt]:
        return iter(list(self._by_job.values()))

    def __len__(self) -> int:
        return len(self._by_job)

    def add(self, running: RunningAttempt) -> None:
        """Put an attempt in."""
        self._by_job[running.job.job_id] = running
        self._by_token[running.ref.token] = running

    def remove(self, running: RunningAttempt) -> None:
        """Take an attempt out."""
        self._by_job.pop(running.job.job_id, None)
        self._by_token.pop(running.ref.token, None)

    def of_job(self, job_id: str) -> RunningAttempt | None:
        """Return the attempt of a job."""
        return self._by_job.get(job_id)

    def of_token(self, token: str) -> RunningAttempt | None:
        """Return the attempt with a token."""
        return self._by_token.get(token)
