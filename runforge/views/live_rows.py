"""Jobs that run or wait, straight from the journal's rows, with the names of `core.records`."""

from __future__ import annotations

from runforge.core.resources import Resources
from runforge.views.rows import JobRow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


class LiveRow(JobRow):
    """A job that runs or waits, with what its reason follows from."""

    #: What was submitted to a cluster is left to the whole record.
    waiting: str | None = None
    __slots__ = ("group_full", "job_id", "needs", "seq", "stalled_at", "waiting_text")

    def __init__(self, now: str, row: Sequence[Any]) -> None:
        *listed, self.job_id, cpus, gpus, vram_mb, mem_mb, pins, self.stalled_at, self.group_full = row
        super().__init__(now, *listed)
        self.seq = self.number
        self.needs = Resources(cpus, gpus, vram_mb, mem_mb, pins)
        self.waiting_text: str | None = None
