"""What a pilot has: slots, their size, its time; and which runs fit into it. Pure."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from runforge.core.resources import Resources

#: Time before a pilot's limit at which it ends what still runs in it, and leaves; a tenth of a short one.
_LAST_SECONDS = 60.0
#: A run that reaches its own limit gets time to end.
_GRACE_SECONDS = 15.0
#: Slurm knows no shorter time.
_LEAST_SECONDS = 60.0
_UNITS = {"K": 1 / 1024, "M": 1, "G": 1024, "T": 1024 * 1024}


class Terms(NamedTuple):
    """The `[slurm] pilots` setting: how many pilots there may be, and what each of them is."""

    #: So many at once.
    most: int
    slots: int
    #: The allocation's time limit.
    seconds: float
    #: So long it stays without a run.
    idle: float
    #: Of each slot. No memory: nothing is said of it to Slurm, and runs that name some do not fit.
    cpus: int
    mem_mb: int

    @property
    def useful_seconds(self) -> float:
        """How long after its start it ends what runs in it."""
        return self.seconds - min(_LAST_SECONDS, self.seconds / 10)

    def takes(self, limit: float | None, left: float) -> bool:
        """Return whether a run may start with so much time left.

        Of a run that names no time nobody knows more than that it is thought to be short: it starts in the first half.
        """
        if limit is None:
            return left >= self.useful_seconds / 2
        return limit + _GRACE_SECONDS <= left


class Wish(NamedTuple):
    """A run that fits into a pilot, and the seconds that it may take; None if nobody said."""

    limit: float | None


def terms(setting: Mapping[str, Any], *, usual_cpus: int | None, usual_mem: str, time: str) -> Terms:
    """Return the terms of a checked setting; a slot's usual size is what is usual for a run."""
    return Terms(
        most=setting["count"],
        slots=setting["slots"],
        seconds=max(_LEAST_SECONDS, time_seconds(time)),
        idle=float(setting["idle"]),
        cpus=setting["cpus"] or usual_cpus or 1,
        mem_mb=memory_mb(setting["mem"] or usual_mem),
    )


def wish(
    found: Terms,
    needs: Resources,
    limit: float | None,
    *,
    was_lost: bool,
    usual_cpus: int | None,
    usual_mem: str,
    usual_time: str,
) -> Wish | None:
    """Return the wish of a run for a pilot; None if it fits into none, and is a job of its own.

    What is usual here counts for runs that name nothing, as it does for their own jobs. A run that was lost before and
    names no time may have been too long for a pilot.
    """
    cpus = needs.cpus if needs.cpus > 1 else usual_cpus or 1
    mem_mb = needs.mem_mb or memory_mb(usual_mem)
    if limit is None and usual_time:
        limit = time_seconds(usual_time)
    is_too_large = needs.gpus > 0 or cpus > found.cpus or mem_mb > found.mem_mb
    if is_too_large or (limit is None and was_lost) or not found.takes(limit, found.useful_seconds):
        return None
    return Wish(limit)


def memory_mb(text: str) -> int:
    """Return the MiB of a size in Slurm's form, such as 16G; 0 for nothing."""
    match = re.fullmatch(r"([0-9]+)([KMGT]?)", text.upper())
    return math.ceil(int(match[1]) * _UNITS[match[2] or "M"]) if match else 0


def time_seconds(text: str) -> float:
    """Return the seconds of a time in Slurm's form: minutes, MM:SS, HH:MM:SS, D-HH, D-HH:MM, D-HH:MM:SS."""
    if text == "UNLIMITED":
        return math.inf
    days, dash, rest = text.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:
        hours, minutes, seconds = 0, *(*parts, 0)[:2]
    return float((int(days or 0) * 24 + hours) * 3600 + minutes * 60 + seconds)
