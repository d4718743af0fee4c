"""On which nodes of a cluster runs are, and which wait in its queue: from the journal, so nobody is asked for it."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from runforge import clock
from runforge.core.resources import Resources
from runforge.store import records
from runforge.store.opening import exists, open_snapshot
from runforge.workspace import Workspace


class OnNode(NamedTuple):
    """A run that has begun on a node, or that waits for one."""

    number: int
    run_id: str
    name: str | None
    needs: Resources
    #: The job's number in the cluster; None before the cluster has it.
    job: str | None
    #: Since it has begun; None while it waits.
    seconds: float | None
    #: Why the cluster lets it wait.
    reason: str | None


class Node(NamedTuple):
    """A node, or without a name those that wait for one."""

    name: str
    runs: list[OnNode]

    @property
    def cpus(self) -> int:
        """How many processors its runs have asked for."""
        return sum(run.needs.cpus for run in self.runs)

    @property
    def gpus(self) -> int:
        """How many GPUs its runs have asked for."""
        return sum(run.needs.gpus for run in self.runs)

    @property
    def mem_mb(self) -> int:
        """How much memory its runs have asked for; what they did not say is not in it."""
        return sum(run.needs.mem_mb for run in self.runs)


def read(workspace: Workspace) -> list[Node]:
    """Return the nodes by name, and last those that wait. A run that is about to be submitted waits, too."""
    if not exists(workspace):
        return []
    with open_snapshot(workspace) as journal, journal.read() as tx:
        jobs = [records.job(row) for row in tx.rows("jobs.running")]
        attempts = {row.job_id: row for row in map(records.attempt, tx.rows("attempts.running"))}
    found: dict[str, list[OnNode]] = defaultdict(list)
    now = clock.now()
    for job in jobs:
        attempt = attempts.get(job.job_id)
        if attempt is None or (job.waiting is None and attempt.node is None):
            continue  # on this machine
        begun = attempt.begun_at if job.waiting is None else None
        number = attempt.place.rpartition(":")[2] if attempt.place is not None else None
        seconds = None if begun is None else clock.seconds_between(begun, now)
        run = OnNode(job.seq, job.run_id, job.name, job.needs, number, seconds, job.waiting)
        found[attempt.node or ""].append(run)
    return [Node(name, found[name]) for name in sorted(found, key=lambda name: (not name, name))]
