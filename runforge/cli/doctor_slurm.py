"""What `doctor` says of Slurm, as rows: name, status, text. The short look is for queues that run there."""

from __future__ import annotations

from runforge import config
from runforge.cli import output
from runforge.errors import RunForgeError
from runforge.store import records
from runforge.store.opening import exists, open_snapshot
from runforge.workspace import Workspace


def look(here: Workspace) -> list[tuple[str, str, str]]:
    """Check commands and options, if this queue's runs go over Slurm; nothing is submitted."""
    return _check(here, with_node=False) if _is_used(here) else []


def test(here: Workspace) -> list[tuple[str, str, str]]:
    """Check them, and try out a node and the shared folder by a short job."""
    here.prepare()
    return _check(here, with_node=True)


def _check(here: Workspace, *, with_node: bool) -> list[tuple[str, str, str]]:
    from runforge.daemon import slurm

    try:
        return slurm.findings(here, config.load(here), with_node=with_node, tell=output.note)
    except RunForgeError as error:
        return [("slurm", "problem", str(error))]


def _is_used(here: Workspace) -> bool:
    """Return whether the settings, or the last daemon, say so."""
    try:
        if config.load(here)["daemon.backend"] == "slurm":
            return True
        if not exists(here):
            return False
        with open_snapshot(here) as journal, journal.read() as tx:
            return records.daemon(tx.row("journal.daemon")).backend == "slurm"
    except (RunForgeError, OSError):
        return False  # reported as a problem of the journal, or of the settings
