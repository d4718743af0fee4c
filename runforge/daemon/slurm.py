"""How a daemon begins to work with Slurm: what it is told, and whether that can be. Imported by such a daemon alone."""

from __future__ import annotations

import shutil
from collections.abc import Callable

from runforge.backends.slurm import probe
from runforge.backends.slurm.options import SlurmOptions, from_settings
from runforge.config import Config
from runforge.errors import InvalidRequest
from runforge.workspace import Workspace

#: What a daemon asks of Slurm.
Options = SlurmOptions


def options(settings: Config, words: str | None, ahead: int | None) -> Options:
    """Return what is to be asked of Slurm. InvalidRequest for options that cannot be, and where Slurm is not."""
    for program in probe.PROGRAMS:
        if shutil.which(program) is None:
            raise InvalidRequest(
                f"--backend slurm: {program} is not on the PATH",
                fix="Load Slurm's module, or run the daemon on a login node",
            )
    return from_settings(settings, words, ahead)


def findings(
    workspace: Workspace, settings: Config, *, with_node: bool, tell: Callable[[str], None]
) -> list[tuple[str, str, str]]:
    """Check Slurm for `doctor`; each row is a name, how it is, and a text. With `with_node` a node is tried out too."""
    chosen = from_settings(settings)
    found = probe.commands(chosen)
    if with_node and all(status != "problem" for _, status, _ in found):
        found += probe.node(workspace.hidden, chosen, tell)
    return found
