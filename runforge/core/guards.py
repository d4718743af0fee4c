"""What guards a queue while nobody looks: breakers, and the watch for stalled runs. Pure."""

from __future__ import annotations

from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.records import Job

#: So many equal failures in a row pause a group.
USUAL_BREAKER = 5
#: So many equal failures in a row of one run: its retry rules give up.
MOST_ALIKE = 3


def words_of(signature: str) -> str:
    """Return what a signature says to people: without the end that all such failures share."""
    end, _, said = signature.partition(": ")
    return said or end


# --- stalls ----------------------------------------------------------------------------------------

#: After so many seconds without a sign of life a run is marked, if it says nothing else.
USUAL_STALL = 1800.0
#: A run is looked at this often at most, unless its own time is short.
LOOK_SECONDS = 60.0
#: So much processor time between two looks is a sign of life: less is used by programs that only wait.
_CPU_SECONDS = 1.0


class Signs(NamedTuple):
    """What shows that a run does something."""

    #: Changes whenever its log or its metrics grow.
    written: int
    #: Of all its processes together.
    cpu_seconds: float
    #: The highest use of its devices in percent.
    gpu_use: float = 0.0


def shows_life(before: Signs, now: Signs) -> bool:
    """Return whether a run has done something between two looks."""
    is_busy = now.cpu_seconds - before.cpu_seconds >= _CPU_SECONDS or now.gpu_use > 0
    return is_busy or now.written != before.written


def stall_limit(job: Job) -> float | None:
    """Return after how many seconds without a sign of life a run is marked; None is never."""
    limit = USUAL_STALL if job.stall_seconds is None else job.stall_seconds
    return limit or None
