"""All that a daemon asks of Slurm, one command at a time: how its jobs are, its accounts, its nodes, what the cluster is like."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from runforge.backends.base import Watch
from runforge.backends.slurm import cluster, options
from runforge.backends.slurm.accounts import Accounts
from runforge.backends.slurm.asking import Asking
from runforge.backends.slurm.cluster import Cluster
from runforge.backends.slurm.commands import Answer, Lane
from runforge.backends.slurm.node_states import NodeStates
from runforge.backends.slurm.options import SlurmOptions
from runforge.clock import Clock
from runforge.core.resources import Resources

#: How long an answer may take.
_SECONDS = 20.0


class Questions:
    """The questions, and what was answered."""

    def __init__(
        self,
        watch: Watch,
        clock: Clock,
        variables: Mapping[str, str],
        given: SlurmOptions,
        log: Callable[[str], None],
    ) -> None:
        self._lane = Lane(watch, clock, variables, _SECONDS)
        self.jobs = Asking(self._lane, clock, given.poll_seconds, log)
        self.accounts = Accounts(self._lane, clock)
        partition = options.partition_of(options.arguments(given, Resources()))
        self.nodes = NodeStates(self._lane, clock, partition)
        self.cluster = Cluster()

    def start(self) -> None:
        """Ask what the cluster is like, and for its list of jobs."""
        self._lane.ask(["scontrol", "show", "config"], self._configured)
        self.jobs.suspect()

    def _configured(self, answer: Answer) -> None:
        if answer.code == 0:
            self.cluster = cluster.parse(answer.out)

    def hear(self) -> None:
        """Hear what was answered."""
        self._lane.step()

    def step(self, *, is_wanted: bool) -> None:
        """Ask how jobs and nodes are if it is time. `is_wanted`: jobs are there, or nothing is known yet."""
        self.jobs.step(is_wanted=is_wanted)
        self.nodes.step(is_wanted=is_wanted and self.jobs.problem is None)

    def wait_seconds(self, *, is_wanted: bool) -> list[float | None]:
        """Return when each of them has something to do; None if a descriptor wakes the loop."""
        return [
            self._lane.wait_seconds(),
            self.jobs.wait_seconds(is_wanted=is_wanted),
            self.nodes.wait_seconds(is_wanted=is_wanted and self.jobs.problem is None),
            self.accounts.wait_seconds(),
        ]

    def close(self) -> None:
        """Ask nothing more."""
        self._lane.close()
