"""What Slurm says of the nodes (`sinfo`): one question for all of them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from runforge.text import safe

#: A line for each node in each of its partitions. The reason comes last: it may have anything in it.
COMMAND = ("sinfo", "-h", "-N", "-o", "%N|%T|%P|%l|%c|%m|%E")
_FIELDS = 7
#: States in which a node has jobs, or takes some. All others keep it from that.
_IN_USE = frozenset({"idle", "mixed", "allocated", "completing", "planned"})
#: What follows a state in short: powered off, powering up, being started.
_SIGNS_OF_POWER = "~#%^-+"
#: So many nodes are named in a sentence.
_MOST_NAMED = 3


class SlurmNode(NamedTuple):
    """A node in a partition."""

    name: str
    #: In Slurm's words, such as `idle` or `down*`.
    state: str
    partition: str
    is_default: bool
    #: The longest time of a job there, in Slurm's form; `infinite` is none.
    limit: str
    cpus: int
    mem_mb: int
    #: Why it takes no jobs.
    reason: str

    @property
    def is_out(self) -> bool:
        """Whether it takes no jobs. A star behind the state means that it does not answer."""
        return self.state.rstrip(_SIGNS_OF_POWER) not in _IN_USE

    def words(self) -> str:
        """Return name, state and reason for people."""
        return f"{self.name} {self.state}" + (f" ({self.reason})" if self.reason else "")


def parse(text: str) -> list[SlurmNode]:
    """Return the nodes of an answer; lines that are none are passed over."""
    found = []
    for line in text.splitlines():
        parts = line.split("|", _FIELDS - 1)
        if len(parts) != _FIELDS:
            continue
        name, state, partition, limit, cpus, mem, reason = (safe(part.strip(), 200) for part in parts)
        is_default, partition = partition.endswith("*"), partition.rstrip("*")
        reason = "" if reason.lower() == "none" else reason
        found.append(
            SlurmNode(name, state, partition, is_default, limit, _number(cpus), _number(mem), reason)
        )
    return found


def of_partition(nodes: Sequence[SlurmNode], names: str) -> list[SlurmNode]:
    """Return the nodes of these partitions (a list with commas), or without a name those of the default one."""
    wanted = names.split(",") if names else []
    return [node for node in nodes if (node.partition in wanted if wanted else node.is_default)]


def what_there_is(nodes: Sequence[SlurmNode]) -> str:
    """Return, to follow a refusal in Slurm's words, what the largest node has, or that none takes jobs."""
    usable = [node for node in nodes if not node.is_out]
    if usable:
        largest = max(usable, key=lambda node: (node.cpus, node.mem_mb))
        return f"; the largest node, {largest.name}, has {largest.cpus} CPUs and {largest.mem_mb}M"
    if not nodes:
        return ""
    shown = ", ".join(node.words() for node in nodes[:_MOST_NAMED])
    return f"; no node of {nodes[0].partition} takes jobs now: {shown}"


def _number(text: str) -> int:
    """Return a count; a `+` behind it means that there is more."""
    digits = text.rstrip("+")
    return int(digits) if digits.isdecimal() else 0
