"""How a daemon begins to work with Slurm: what it is told, and whether that can be. Imported by such a daemon alone."""

from __future__ import annotations

import shutil

from runforge.backends.slurm.options import SlurmOptions, from_settings
from runforge.config import Config
from runforge.errors import InvalidRequest

_PROGRAMS = ("sbatch", "squeue", "scancel", "scontrol")


def options(settings: Config, words: str | None, ahead: int | None) -> SlurmOptions:
    """Return what is to be asked of Slurm. InvalidRequest for options that cannot be, and where Slurm is not."""
    for program in _PROGRAMS:
        if shutil.which(program) is None:
            raise InvalidRequest(
                f"--backend slurm: {program} is not on the PATH",
                fix="Load Slurm's module, or run the daemon on a login node",
            )
    return from_settings(settings, words, ahead)
