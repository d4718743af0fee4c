"""Commands that show the queue. Light: they import the journal and nothing heavier."""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from runforge import views
from runforge.cli import output
from runforge.cli.options import JsonOption, RunArgument, WorkspaceOption, complete_group, find
from runforge.errors import InvalidRequest
from runforge.states import State

if TYPE_CHECKING:
    from runforge.views import DaemonStatus, GroupView, JobView, QueueSummary

_REASONS = {
    "no_daemon": "no daemon is running",
    "group_paused": "its group is paused",
    "no_free_slot": "all slots are in use",
    "no_gpu_slot": "all GPU slots are in use",
    "turn_of_others": "it is next, or others' turn",
}


def queue_status(
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    watch: Annotated[bool, typer.Option("--watch", help="Print anew whenever something changes.")] = False,
) -> int:
    """Show the queue at a glance."""
    here = find(workspace)
    if watch:
        return _watch(here, as_json=as_json)
    summary = views.queue_summary(here)
    if as_json:
        output.print_json("queue-status", summary.to_json())
    else:
        _print_summary(summary)
    return 0


def _watch(here: Any, *, as_json: bool) -> int:
    """Print the status again when it has changed; plain text, for terminals that cannot do more."""
    before = None
    while True:
        summary = views.queue_summary(here)
        now = (summary.counts, summary.daemon.state, [g.to_json() for g in summary.groups])
        if now != before:
            if as_json:
                output.print_json("queue-status", summary.to_json())
            else:
                _print_summary(summary)
                print(flush=True)
            sys.stdout.flush()
        before = now
        time.sleep(1.0)


def daemon_line(daemon: DaemonStatus) -> str:
    """Return how the daemon is, and what to do if it is not well."""
    if daemon.state in {"running", "stopping"}:
        text = f"{daemon.state} (pid {daemon.pid})"
        return output.coloured(text, "running")
    if daemon.state == "died":
        return output.coloured("died; `runforge daemon --detach` takes over", "failed")
    if daemon.state == "not_responding":
        text = f"not responding (pid {daemon.pid}); `runforge daemon --replace --detach` takes over"
        return output.coloured(text, "failed")
    return "stopped; `runforge daemon --detach` starts one"


def _print_summary(summary: QueueSummary) -> None:
    daemon = summary.daemon
    print(f"Daemon   {daemon_line(daemon)}")
    print(
        f"Slots    {summary.slots_used} of {daemon.max_parallel} in use, "
        f"{summary.gpu_slots_used} of {daemon.gpu_slots} GPU slots"
    )
    counts = ", ".join(f"{summary.counts[state.value]} {state.value}" for state in State)
    print(f"Jobs     {counts}")
    live = [g for g in summary.groups if g.status == "running"]
    ended = len(summary.groups) - len(live)
    if live:
        print()
        print_groups(live)
    if ended:
        print(f"\n{ended} group{'s' if ended > 1 else ''} ended; `runforge groups` lists them")
    if summary.running:
        print()
        print_jobs(summary.running)
    if summary.next:
        print("\nNext")
        for job in summary.next:
            print(f"  {output.safe(job.run_id)}: {_REASONS.get(job.waiting or '', job.waiting)}")
    if not any(summary.counts.values()):
        print("\nThe queue is empty. Put a sweep into it: runforge enqueue-sweep --plan plan.json")


def groups(workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """List the groups, oldest first."""
    found = views.groups(find(workspace))
    if as_json:
        output.print_json("groups", [group.to_json() for group in found])
    elif found:
        print_groups(found)
    else:
        output.note("There is no group yet")
    return 0


def print_groups(found: list[GroupView]) -> None:
    """Print groups with their progress."""
    rows = []
    for group in found:
        done = group.succeeded + group.failed + group.canceled
        status = "paused" if group.paused and group.status == "running" else group.status
        rows.append(
            [
                group.group_id,
                output.state_cell(status),
                output.bar(done, group.total, 12),
                f"{done}/{group.total}",
                group.running or "",
                group.failed or "",
            ]
        )
    headers = ["GROUP", "STATUS", "PROGRESS", "DONE", "RUNNING", "FAILED"]
    output.table(headers, rows, flexible=[0], state_column=1)


def jobs(
    workspace: WorkspaceOption = None,
    group: Annotated[
        str | None, typer.Option("--group", "-g", autocompletion=complete_group, help="Of this group.")
    ] = None,
    state: Annotated[str | None, typer.Option("--state", help="In this state.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="At most this many.")] = None,
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
        print_jobs(found)
    else:
        output.note("No job matches" if state or group else "There is no job yet")
    return 0


def print_jobs(found: list[JobView]) -> None:
    """Print jobs, one a line, with why they failed or what they reached."""
    rows = [
        [
            job.run_id,
            output.state_cell(job.state),
            job.attempt if job.attempt > 1 else "",
            output.duration(job.seconds),
            output.metric(job.metric_name, job.metric_value),
            job.error or ", ".join(f"{k.rpartition('.')[2]}={v}" for k, v in job.overrides.items()),
        ]
        for job in found
    ]
    headers = ["RUN", "STATE", "TRY", "TIME", "METRIC", "DETAIL"]
    output.table(headers, rows, flexible=[5, 0], state_column=1)


def show(run: RunArgument, workspace: WorkspaceOption = None, as_json: JsonOption = False) -> int:
    """Show one run: state, attempts, timeline, files."""
    view = views.run(find(workspace), run)
    if as_json:
        output.print_json("run", view.to_json())
        return 0
    job = view.job
    waits = f" ({_REASONS.get(job.waiting, job.waiting)})" if job.waiting else ""
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
