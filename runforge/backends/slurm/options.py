"""What the daemon was told of Slurm, and the options of sbatch that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from runforge.core.resources import Resources


class SlurmOptions(NamedTuple):
    """The settings of `[slurm]` in config.toml, under the options of the command line. Empty is: give no option."""

    partition: str = ""
    account: str = ""
    qos: str = ""
    constraint: str = ""
    exclude: str = ""
    time: str = ""
    cpus: int | None = None
    mem: str = ""
    #: What one GPU of a run is for `--gres`.
    gpu: str = "gpu:1"
    #: Lines of shell that run before RunForge on the node.
    setup: tuple[str, ...] = ()
    #: The Python on the nodes; empty is this one's path.
    python: str = ""
    #: Empty gives no option: the daemon's environment goes along.
    export: str = ""
    #: More options of sbatch, as they are.
    extra: tuple[str, ...] = ()
    #: How many runs are submitted that have not begun.
    ahead: int = 8
    poll_seconds: float = 30.0
    #: How long an attempt out of sight is waited for before its run goes on elsewhere.
    fence_seconds: float = 30.0


def arguments(options: SlurmOptions, needs: Resources, time_limit_seconds: float | None) -> list[str]:
    """Return the options of sbatch for a run with these needs and its own time limit."""
    found = []
    for name in ("partition", "account", "qos", "constraint", "exclude", "export"):
        if getattr(options, name):
            found.append(f"--{name}={getattr(options, name)}")
    del time_limit_seconds
    if needs.cpus > 1 or options.cpus:
        found.append(f"--cpus-per-task={max(needs.cpus, options.cpus or 1)}")
    return [*found, *options.extra]


def environment(given: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for Slurm's commands: without what would change what they do."""
    wrong = ("SBATCH_", "SQUEUE_", "SCANCEL_", "SLURM_")
    return {n: v for n, v in given.items() if n == "SLURM_CONF" or not n.startswith(wrong)}
