"""What guards a queue while nobody looks: breakers, and the watch for stalled runs. Pure."""

from __future__ import annotations

#: So many equal failures in a row pause a group.
USUAL_BREAKER = 5
#: So many equal failures in a row of one run: its retry rules give up.
MOST_ALIKE = 3


def words_of(signature: str) -> str:
    """Return what a signature says to people: without the end that all such failures share."""
    end, _, said = signature.partition(": ")
    return said or end
