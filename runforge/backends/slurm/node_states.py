"""How the nodes are, in Slurm's words: one `sinfo` for all of them, once a minute while jobs are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import Any

from runforge.backends.slurm import sinfo
from runforge.backends.slurm.commands import Answer, Lane
from runforge.backends.slurm.sinfo import SlurmNode
from runforge.clock import Clock

_PAUSE_SECONDS = 60.0
#: So many nodes are told, first those that have runs.
_MOST_TOLD = 32


class NodeStates:
    """What Slurm has said last. `partition` is where runs go; empty is the default one."""

    def __init__(self, lane: Lane, clock: Clock, partition: str) -> None:
        self._lane = lane
        self._clock = clock
        self._partition = partition
        self._next = 0.0
        self._is_asking = False
        self._all: dict[str, SlurmNode] = {}
        self._about: dict[str, Any] | None = None
        self._out: list[SlurmNode] = []
        self._told: tuple[Collection[str], dict[str, Any]] | None = None

    def step(self, *, is_wanted: bool) -> None:
        """Ask if it is time."""
        if not is_wanted or self._is_asking or self._clock.monotonic() < self._next:
            return
        self._next = self._clock.monotonic() + _PAUSE_SECONDS
        self._is_asking = True
        self._lane.ask(sinfo.COMMAND, self._answered)

    def wait_seconds(self, *, is_wanted: bool) -> float | None:
        """Return when `step` must be called again; None if nothing is to be asked."""
        if not is_wanted or self._is_asking:
            return None
        return max(0.0, self._next - self._clock.monotonic())

    def _answered(self, answer: Answer) -> None:
        self._is_asking = False
        if answer.code != 0:
            return  # what was said before stays, and gets older
        nodes = sinfo.parse(answer.out)
        self._all = {node.name: node for node in nodes}
        there = {node.name: node for node in sinfo.of_partition(nodes, self._partition)}
        counts = Counter(node.state for node in there.values())
        self._out = [node for node in there.values() if node.is_out]
        self._about = {"asked_at": self._clock.now(), "counts": dict(sorted(counts.items()))}
        self._told = None

    def told(self, used: Collection[str]) -> dict[str, Any] | None:
        """Return what daemon.json says of the nodes, those with runs (`used`) first; None before the first answer."""
        if self._about is None:
            return None
        if self._told is None or self._told[0] != used:
            named = [self._all[name] for name in sorted(used) if name in self._all]
            # By name: in each of its partitions a node is another line.
            shown = {node.name: node for node in [*named, *self._out]}.values()
            entries = [
                {"name": node.name, "state": node.state, "reason": node.reason or None} for node in shown
            ]
            self._told = used, {**self._about, "shown": entries[:_MOST_TOLD]}
        return self._told[1]
