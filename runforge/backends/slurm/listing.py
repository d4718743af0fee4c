"""What squeue lists: one line for each job, found by the job's name."""

from __future__ import annotations

from typing import NamedTuple

#: The format of squeue that `parse` reads: id, state, reason, node, name.
FORMAT = "%i|%T|%r|%N|%j"


class Row(NamedTuple):
    """One job as Slurm lists it."""

    job_id: str
    state: str
    reason: str
    node: str
    name: str


def parse(text: str) -> dict[str, Row]:
    """Return the jobs by their names; of two with one name, the later one. Lines of anything else are left out."""
    found = {}
    for line in text.splitlines():
        parts = line.strip().split("|", 4)
        if len(parts) == len(Row._fields) and parts[0]:
            found[parts[4]] = Row(*parts)
    return found
