"""What a run that makes room is asked, and how it goes back into the queue. Pure: no clock, no journal."""

from __future__ import annotations

from runforge.core.records import ASKED, ASKED_AND_HELD
from runforge.core.states import Cause, State
from runforge.later import module
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core import exit_codes
    from runforge.core.outcome import Ending, ExitRecord
    from runforge.core.records import Job
else:
    exit_codes = module("runforge.core.exit_codes")

#: What a run may be told by that it is to save and end, and what it usually is.
SIGNALS = ("TERM", "INT", "HUP", "QUIT", "USR1", "USR2")
USUAL_SIGNAL = "TERM"
_KILL = 9  # `signal` makes enumerations of all its names when it is imported
#: The seconds that a resumable run gets to save its work, if nothing else is asked for.
GRACE_SECONDS = 60.0
#: So many yields in a row without a new step: it does not get on.
MOST_IDLE = 5
#: What may become of a run whose end is unknown.
ON_LOST = ("requeue", "resume", "hold", "fail")


class Returned(NamedTuple):
    """How a run goes back into the queue."""

    ending: Ending
    idle_yields: int
    last_step: float | None


def ending_of(record: ExitRecord) -> Ending:
    """Return how a run ended that has made room: nobody can tell an exit code 0 after that from success."""
    from runforge.core.outcome import Ending

    return Ending(
        State.QUEUED,
        Cause.YIELDED,
        _words(record),
        record.exit_code,
        record.signal,
        checkpoint_changed=record.checkpoint_changed,
        last_step=record.last_step,
    )


def _words(record: ExitRecord) -> str:
    if record.signal == _KILL or record.exit_code == exit_codes.of_signal(_KILL):
        seen = "; no checkpoint was seen" if record.checkpoint_changed is False else ""
        return f"yielded: it was killed when its time to save was over{seen}"
    if record.exit_code is not None:
        return f"yielded: it ended with exit code {record.exit_code}"
    if record.signal is not None:
        return f"yielded: ended by {exit_codes.signal_name(record.signal)}"
    return "yielded before it started"


def returned(job: Job, ending: Ending) -> Returned:
    """Return how a run that has made room goes back into the queue: held if it was asked to, or if it does not get on.

    It gets on if it has reported a higher step than ever; without steps, if it has saved something.
    """
    step = ending.last_step
    if step is not None:
        gets_on = job.last_step is None or step > job.last_step
    else:
        gets_on = job.last_step is None and bool(ending.checkpoint_changed)
    highest = max((each for each in (job.last_step, step) if each is not None), default=None)
    idle = 0 if gets_on else job.idle_yields + 1
    if idle >= MOST_IDLE:
        error = f"{ending.error}; held: {idle} times in a row it has yielded without a new step"
        return Returned(ending._replace(is_held=True, error=error), 0, highest)
    is_held = job.yield_requested == ASKED_AND_HELD
    return Returned(ending._replace(is_held=is_held), idle, highest)


def orders(job: Job) -> frozenset[str]:
    """Return the orders that a job's running attempt must have now; a cancel is above all."""
    if job.cancel_requested:
        return frozenset({"cancel"})
    if job.stop_reason is not None:
        return frozenset({"stop"})
    if job.yield_requested:
        return frozenset({"yield"})
    return frozenset() if job.frozen_at is None else frozenset({"freeze"})


def why_not(job: Job, *, is_held: bool, is_forced: bool) -> str | None:
    """Return why a run cannot be asked to make room; None if it can."""
    if job.state is not State.RUNNING:
        return f"{'already' if job.state is not State.QUEUED else 'still'} {job.state}"
    if job.cancel_requested:
        return "being stopped"
    if job.yield_requested >= (ASKED_AND_HELD if is_held else ASKED):
        return "asked to yield already"
    if not job.is_resumable and not is_forced:
        return "not resumable: it would start from zero; --force does it all the same"
    return None


def why_not_frozen(job: Job, *, is_frozen: bool) -> str | None:
    """Return why a run cannot be frozen, or go on; None if it can."""
    if job.state is not State.RUNNING:
        return f"{'already' if job.state is not State.QUEUED else 'still'} {job.state}"
    if job.cancel_requested:
        return "being stopped"
    if is_frozen and job.yield_requested:
        return "asked to yield already"
    if (job.frozen_at is not None) == is_frozen:
        return "already frozen" if is_frozen else "not frozen"
    return None
