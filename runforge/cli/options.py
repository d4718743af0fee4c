"""Reads options that several commands have: finds the workspace, checks seconds."""

from __future__ import annotations

from runforge import blocks
from runforge import workspace as workspaces
from runforge.errors import InvalidRequest, RunForgeError
from runforge.store import foreground, traces

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from runforge.workspace import Workspace

_LONGEST = 3650 * 86400.0


def find(workspace: Path | None, state_dir: Path | None = None, *, only_look: bool = False) -> Workspace:
    """Return the workspace that the options mean, with what others have left there settled first.

    With `only_look` it may be another user's; then nothing is settled.
    """
    here = workspaces.find(workspace, state_dir=state_dir, only_look=only_look)
    if here.only_look:
        return here
    if traces.has_older_queue(here):
        _take_over(here)
    if foreground.has_abandoned(here):
        _settle(here)
    return here


def _take_over(here: Workspace) -> None:
    from runforge.cli import output
    from runforge.queue.change import take_over_older

    taken = take_over_older(here)
    if taken is not None:
        output.note(taken)


def _settle(here: Workspace) -> None:
    from runforge.cli import output
    from runforge.queue import abandoned
    from runforge.queue.change import settle

    # What fails here fails the command itself too, if it matters to it.
    with blocks.suppress(RunForgeError, OSError):
        canceled = settle(here)
        if canceled:
            output.note(abandoned.told(canceled))


def checked_seconds(option: str, seconds: float) -> float:
    """Return the seconds of an option; InvalidRequest for infinity and NaN."""
    if not -_LONGEST <= seconds <= _LONGEST:  # NaN is in no range
        raise InvalidRequest(f"{option} {seconds:g} is not possible", fix="Give at most ten years")
    return seconds


def dry_run_seconds(dry_run: bool, seconds: float) -> float | None:
    """Return how long a dry run holds its slot; None for a real run."""
    checked_seconds("--dry-run-seconds", seconds)
    return seconds if dry_run or seconds > 0 else None
