"""On which nodes of a cluster runs are, and which wait in its queue: from the journal, so nobody is asked for it.

How the nodes are, the daemon asks once a minute for all readers.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

from runforge import clock
from runforge.core.resources import Resources
from runforge.store import records
from runforge.store.opening import exists, open_snapshot
from runforge.views.daemon_told import read as read_told
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
    #: How it is, in the cluster's words, and why; empty is not known.
    state: str = ""
    reason: str = ""

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


class Nodes(NamedTuple):
    """The nodes with runs by name, and last those that wait; and what the cluster has told the daemon of its nodes."""

    with_runs: list[Node] = []  # noqa: RUF012 - nobody changes it
    #: Those that take no jobs, without those that have runs.
    out: list[Node] = []  # noqa: RUF012
    #: How many nodes are in which state, in the cluster's words.
    counts: dict[str, int] = {}  # noqa: RUF012
    #: Since the cluster has said so; None: it has said nothing yet.
    seconds: float | None = None


def read(workspace: Workspace) -> Nodes:
    """Return the nodes. A run that is about to be submitted waits, too."""
    if not exists(workspace):
        return Nodes()
    found = _with_runs(workspace)
    told = read_told(workspace).nodes
    try:
        return Nodes(found) if told is None else _with_states(found, told)
    except (LookupError, ValueError, TypeError, AttributeError):
        return Nodes(found)  # of another version


def _with_states(found: list[Node], told: dict[str, Any]) -> Nodes:
    states = {
        str(each["name"]): Node(str(each["name"]), [], str(each["state"]), str(each["reason"] or ""))
        for each in told["shown"]
    }
    named = [states.get(node.name, node)._replace(runs=node.runs) for node in found]
    used = {node.name for node in found}
    out = [node for name, node in states.items() if name not in used]
    counts = {str(state): int(count) for state, count in told["counts"].items()}
    return Nodes(named, out, counts, clock.seconds_between(told["asked_at"], clock.now()))


def _with_runs(workspace: Workspace) -> list[Node]:
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
