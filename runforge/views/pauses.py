"""The words for a run that stands still or was asked to make room, and what it holds meanwhile."""

from __future__ import annotations

from runforge import cells, clock
from runforge.core.records import ASKED_AND_HELD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.records import Job
    from runforge.workspace import Workspace

_GIB = 1024**3


def pause_text(job: Job, now: str) -> str | None:
    """Return how a running job is paused, in words; None if it is not."""
    if job.yield_requested:
        return "asked to yield" + (", held then" if job.yield_requested == ASKED_AND_HELD else "")
    if job.frozen_at is None:
        return None
    count = job.needs.gpus
    held = f"its slot and {count} GPU{'s' if count > 1 else ''}" if count else "its slot"
    return f"{_frozen(job.frozen_at, now)}, holds {held}"


def _frozen(since: str, now: str) -> str:
    return f"frozen {cells.span(clock.seconds_between(since, now))}"


def memory_text(workspace: Workspace, run_id: str, since: str) -> str | None:
    """Return how long a run is frozen and what GPU memory it holds now; None if none is seen. The devices are asked."""
    from runforge.machine.load import read_machine  # few calls want it

    parts = []
    for gpu in read_machine(workspace).gpus:
        memory = sum(process.memory for process in gpu.processes if process.run_id == run_id)
        if memory:
            parts.append(f"{memory / _GIB:.1f} GiB on GPU {gpu.index}")
    return f"{_frozen(since, clock.now())}, holds {', '.join(parts)}" if parts else None
