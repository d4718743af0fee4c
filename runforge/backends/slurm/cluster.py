"""What a cluster says of itself. Pure: the text of `scontrol show config` in, a value out."""

from __future__ import annotations

from typing import NamedTuple


class Cluster(NamedTuple):
    """A cluster's settings that matter here, with Slurm's own defaults until it has told them."""

    name: str = ""
    #: For so many seconds Slurm lists a job that has ended (MinJobAge).
    remembers: float = 300.0
    #: Seconds between TERM and KILL where Slurm ends a job (KillWait).
    kill_wait: float = 30.0


def parse(text: str) -> Cluster:
    """Return what is told; what is missing or no number keeps its default."""
    told = {
        name.strip(): value.strip() for name, _, value in (line.partition("=") for line in text.splitlines())
    }
    usual = Cluster()
    return Cluster(
        told.get("ClusterName", usual.name),
        _seconds(told.get("MinJobAge"), usual.remembers),
        _seconds(told.get("KillWait"), usual.kill_wait),
    )


def _seconds(told: str | None, usual: float) -> float:
    """Return a time such as `300 sec`."""
    words = (told or "").split()
    return float(words[0]) if words and words[0].isdecimal() else usual
