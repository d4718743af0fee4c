"""What an answer of sbatch means."""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """The kinds of answers."""

    ACCEPTED = "accepted"
    #: It may have been accepted: the job's name will show it.
    UNSURE = "unsure"
    #: A limit of the site: it would be accepted later.
    LIMIT = "limit"
    #: These options will never be accepted.
    REFUSED = "refused"


_UNSURE = ("timed out", "Unable to contact", "Connection refused", "No route to host", "Zero Bytes", "fatal")
_LIMITS = ("Limit", "limit", "QOS")


def kind(stderr: str) -> Kind:
    """Return what sbatch meant, by its error output; empty is accepted."""
    if not stderr.strip():
        return Kind.ACCEPTED
    if any(word in stderr for word in _UNSURE):
        return Kind.UNSURE
    if any(word in stderr for word in _LIMITS):
        return Kind.LIMIT
    return Kind.REFUSED
