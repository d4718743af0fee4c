"""What a daemon was started with, and whom it tells what happens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from runforge.core.outcome import Ending
from runforge.core.records import Job

if TYPE_CHECKING:
    from runforge.backends.slurm.options import SlurmOptions


@dataclass(frozen=True, slots=True)
class Settings:
    """What a daemon was started with."""

    max_parallel: int = 2
    #: None is one for each device.
    gpu_slots: int | None = None
    orphans: str = "requeue"
    #: The devices that it may give out, of those that are its share; None is all.
    devices: str | None = None
    #: How it works with Slurm; None: its runs are on this machine.
    slurm: SlurmOptions | None = None

    @property
    def backend(self) -> str:
        """Where its runs are: local, slurm."""
        return "local" if self.slurm is None else "slurm"


@dataclass(frozen=True, slots=True)
class Listener:
    """Prints what happens: the daemon's tokens, or a direct sweep's progress. `log` takes warnings."""

    started: Callable[[Job], None]
    done: Callable[[Job, Ending], None]
    log: Callable[[str], None]
