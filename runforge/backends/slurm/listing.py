"""What `squeue` prints, and `sacct`, as rows by job name. Pure: text in, rows out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

#: The columns that `parse` expects; the name last, since a user's own jobs may have any character in theirs.
FORMAT = "%i|%T|%r|%N|%j"
#: Not on a node yet, or put back into the queue.
WAITING = frozenset(
    {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SPECIAL_EXIT", "RESV_DEL_HOLD"}
)
#: On a node, or on its way off one: its processes may live.
ACTIVE = frozenset({"RUNNING", "SUSPENDED", "COMPLETING", "STAGE_OUT", "STOPPED", "SIGNALING", "RESIZING"})
#: Over, with or without success.
OVER = frozenset(
    {
        *("BOOT_FAIL", "CANCELLED", "COMPLETED", "DEADLINE", "FAILED", "NODE_FAIL"),
        *("OUT_OF_MEMORY", "PREEMPTED", "REVOKED", "TIMEOUT", "LAUNCH_FAILED", "RECONFIG_FAIL"),
    }
)
#: Reasons to wait that do not pass by themselves.
_HOPELESS = re.compile(
    r"PartitionTimeLimit|PartitionNodeLimit|PartitionConfig|BadConstraints|Invalid\w*|AccountNotAllowed|QOSNotAllowed"
)
_ID = re.compile(r"[0-9]+(?:[_+][0-9]+)?")
_NO_REASON = {"None", "(null)"}


class Row(NamedTuple):
    """One job as Slurm shows it."""

    job_id: str
    #: In Slurm's own word, such as PENDING. A word of a later Slurm is kept as it is.
    state: str
    #: Why it waits or how it failed; empty if Slurm gives no reason.
    reason: str
    #: The node or nodes that it is or was on; empty before it has any.
    node: str
    name: str

    @property
    def is_over(self) -> bool:
        """Whether it has ended. A state that is not known has not."""
        return self.state in OVER


def is_hopeless(reason: str) -> bool:
    """Return whether a job that waits for this needs other options."""
    return _HOPELESS.fullmatch(reason) is not None


def parse(text: str, began: Mapping[str, str] | None = None) -> dict[str, Row]:
    """Return the jobs by name; lines of any other form are left out, for a name may contain line breaks.

    An attempt that was submitted twice has several jobs. Of these the one that began is meant: `began` gives its number
    by name. As long as none is known to have begun, the liveliest tells most: the others were refused by the claim, or
    never started.
    """
    found: dict[str, Row] = {}
    for line in text.splitlines():
        words = line.split("|", 4)
        if len(words) != 5 or not _ID.fullmatch(words[0].strip()):
            continue
        job_id, state, reason, node, name = map(str.strip, words)
        state = state.partition(" ")[0]  # the accounts say by whom: "CANCELLED by 1000"
        row = Row(job_id, state, "" if reason in _NO_REASON else reason, node, name)
        own = (began or {}).get(name)
        found[name] = max((row, found.get(name, row)), key=lambda row: (row.job_id == own, *_liveliness(row)))
    return found


def _liveliness(row: Row) -> tuple[int, int]:
    rank = 0 if row.is_over else 1 if row.state in WAITING else 2
    return rank, int(re.split("[_+]", row.job_id)[0])
