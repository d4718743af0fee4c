"""Commands that show the queue. Light: they import the journal and nothing heavier."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from runforge import disk_room, views
from runforge.cli import output, status
from runforge.cli.options import (
    MOST,
    JsonOption,
    RunArgument,
    WorkspaceOption,
    complete_group,
    complete_state,
    find,
    run_view,
)
from runforge.errors import InvalidRequest
from runforge.states import State


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
    found = views.groups(find(workspace))
    if as_json:
        output.print_json("groups", [group.to_json() for group in found])
    elif found:
        status.print_groups(found)
    else:
        output.note("There is no group yet")
    return 0


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
    here = find(workspace)
    known = [s.value for s in State]
    if state is not None and state not in known:
        raise InvalidRequest(f"--state {state[:40]!r} is unknown", fix=f"Use one of {', '.join(known)}")
    group_id = None
    if group is not None:
        from runforge import control

        group_id = control.resolve_group(here, group)
    found = views.jobs(here, group_id=group_id, state=state, limit=limit)
    if as_json:
        output.print_json("jobs", [job.to_json() for job in found])
    elif found:
        status.print_jobs(found)
        lacking = disk_room.shortage(here)
        if lacking is not None and any(job.state == State.QUEUED.value for job in found):
            output.note(f"Queued jobs wait: {lacking.text}")
    else:
        output.note("No job matches" if state or group else "There is no job yet")
    return 0


def show(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """Show one run: state, attempts, timeline, files."""
    view = run_view(find(workspace), run)
    if as_json:
        output.print_json("run", view.to_json())
        return 0
    job = view.job
    waits = f" ({job.waiting_text})" if job.waiting_text else ""
    lines = [
        ("Run", job.run_id),
        ("Job", job.job_id),
        ("Group", job.group_id or "none"),
        ("State", output.state_cell(job.state) + waits),
        ("Error", job.error),
        ("Metric", output.metric(job.metric_name, job.metric_value)),
        ("Overrides", ", ".join(f"{k}={v}" for k, v in job.overrides.items())),
        ("Priority", str(job.priority) if job.priority else ""),
        ("Created", job.created_at),
        ("Started", job.started_at),
        ("Finished", job.finished_at),
        ("Time", output.duration(job.seconds)),
        ("Folder", str(view.folder)),
        ("Files", ", ".join(sorted(os.listdir(view.folder))) if view.folder.is_dir() else "missing"),
    ]
    for name, value in lines:
        if value:
            print(f"{name:<10} {output.safe(value)}")
    for attempt in view.attempts:
        how = attempt.cause or "running"
        print(f"Attempt {attempt.attempt}  {attempt.started_at}  {how}  {output.safe(attempt.error or '')}")
    print("Timeline")
    for entry in view.timeline:
        print(f"  {entry['at']}  {entry['event']}")
    return 0
