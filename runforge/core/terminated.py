"""What it means that a cluster has ended an attempt: by the cluster's word, or by what it wrote beside. Pure."""

from __future__ import annotations

import re

from runforge.core.outcome import Ending
from runforge.core.states import Cause, State
from runforge.text import safe

TIME_LIMIT = Ending(
    State.FAILED, Cause.TIME_LIMIT, "Slurm ended it at its time limit there; `-t` gives it more"
)
PREEMPTED = Ending(State.QUEUED, Cause.PREEMPTED, "Slurm took its place for something more urgent")
MEMORY = Ending(State.FAILED, Cause.OOM, "Slurm ended it: out of memory; `--mem` gives it more")
CANCELED = Ending(State.CANCELED, Cause.CANCELED, "canceled in Slurm")

#: Slurm's words that say all by themselves, however far the attempt was.
_BY_STATE = {
    "TIMEOUT": TIME_LIMIT,
    "DEADLINE": TIME_LIMIT,
    "PREEMPTED": PREEMPTED,
    "OUT_OF_MEMORY": MEMORY,
}
_MEMORY = re.compile(r"memory limit|\boom\b|oom.?kill|out of memory", re.IGNORECASE)


def ending(state: str | None, said: str | None, *, has_begun: bool = True) -> Ending | None:
    """Return how the cluster has ended an attempt; None if neither its word nor what it wrote says so.

    Without cgroups Slurm calls an attempt that had no memory left a failed one: only what it wrote tells.
    """
    if state in _BY_STATE:
        return _BY_STATE[state]
    words = safe(said or "")
    if "DUE TO TIME LIMIT" in words:
        return TIME_LIMIT
    if "DUE TO PREEMPTION" in words:
        return PREEMPTED
    if _MEMORY.search(words):
        return MEMORY
    if state == "CANCELLED" and has_begun:
        return CANCELED
    is_plain = "CANCELLED" in words and "DUE TO" not in words
    return CANCELED if is_plain and state in {None, "CANCELLED"} else None
