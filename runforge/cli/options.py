"""Reads options that several commands have: finds the workspace, checks seconds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runforge import workspace as workspaces
from runforge.errors import InvalidRequest

if TYPE_CHECKING:
    from pathlib import Path

    from runforge.workspace import Workspace

_LONGEST = 3650 * 86400.0


def find(workspace: Path | None, state_dir: Path | None = None) -> Workspace:
    """Return the workspace of the options."""
    return workspaces.find(workspace, state_dir=state_dir)


def checked_seconds(option: str, seconds: float) -> float:
    """Return the seconds of an option; InvalidRequest for infinity and NaN."""
    if not -_LONGEST <= seconds <= _LONGEST:  # NaN is in no range
        raise InvalidRequest(f"{option} {seconds:g} is not possible", fix="Give at most ten years")
    return seconds


def dry_run_seconds(dry_run: bool, seconds: float) -> float | None:
    """Return how long a dry run holds its slot; None for a real run."""
    checked_seconds("--dry-run-seconds", seconds)
    return seconds if dry_run or seconds > 0 else None
