"""The commands that show the queue. Each imports only what it needs: `queue-status` must be quick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runforge.cli.options import find

if TYPE_CHECKING:
    from pathlib import Path


def queue_status(workspace: Path | None, as_json: bool, watch: bool) -> int:
    """Print the queue's status, once or after each change."""
    from runforge.cli import status

    here = find(workspace)
    if watch:
        return status.watch(here, as_json=as_json)
    status.show(here, as_json=as_json)
    return 0


def groups(workspace: Path | None, as_json: bool) -> int:
    """Print the groups."""
    from runforge.cli import listing

    return listing.groups(find(workspace), as_json=as_json)


def jobs(
    workspace: Path | None, group: str | None, state: str | None, limit: int | None, as_json: bool
) -> int:
    """Print the selected jobs; without an option the newest."""
    from runforge.cli import listing

    return listing.jobs(find(workspace), group=group, state=state, limit=limit, as_json=as_json)


def show(run: str, workspace: Path | None, env: bool, as_json: bool) -> int:
    """Print all about one run."""
    from runforge.cli import one_run

    here = find(workspace)
    return (
        one_run.environment(here, run, as_json=as_json) if env else one_run.show(here, run, as_json=as_json)
    )
