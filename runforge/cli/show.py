"""The options of the commands that show the queue."""

from __future__ import annotations

from typing import Annotated

import typer

from runforge.cli import listing, status
from runforge.cli.options import (
    MOST,
    JsonOption,
    RunArgument,
    WorkspaceOption,
    complete_group,
    complete_state,
    find,
)


def queue_status(
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Print anew whenever something changes.")] = False,
) -> int:
    """Show the queue at a glance."""
    here = find(workspace)
    if watch:
        return status.watch(here, as_json=as_json)
    status.show(here, as_json=as_json)
    return 0


def groups(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """List the groups, oldest first."""
    return listing.groups(find(workspace), as_json=as_json)


def jobs(
    workspace: WorkspaceOption = None,
    group: Annotated[
        str | None, typer.Option("--group", "-g", autocompletion=complete_group, help="Of this group.")
    ] = None,
    state: Annotated[
        str | None, typer.Option("--state", autocompletion=complete_state, help="In this state.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, max=MOST, help="At most this many.")] = None,
    as_json: JsonOption = False,
) -> int:
    """List jobs in order of creation."""
    return listing.jobs(find(workspace), group=group, state=state, limit=limit, as_json=as_json)


def show(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """Show one run: state, attempts, timeline, files."""
    return listing.run(find(workspace), run, as_json=as_json)
