"""A short summary of the queue. Without Typer, so that `queue-status` starts quickly."""

from __future__ import annotations

import sys
import time

from runforge import cells
from runforge.cli import output, tables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.views.daemon_status import DaemonStatus
    from runforge.views.elsewhere import Elsewhere
    from runforge.views.summary import QueueSummary
    from runforge.workspace import Workspace


#: So many live runs are shown of a queue whose journal is on another machine.
_AWAY_SHOWN = 20


def show(here: Workspace, *, as_json: bool) -> None:
    """Print the status once."""
    from runforge.views import elsewhere, glance  # the quick way has a summary already

    away = elsewhere.found(here)
    if away is None:
        _print(glance.queue_summary(here), as_json=as_json)
    elif as_json:
        output.print_json("queue-status", {"elsewhere": away.to_json()})
    else:
        _print_away(away)


def _print_away(away: Elsewhere) -> None:
    """Print what the exports say of a queue whose journal is on another machine."""
    where = output.safe(f"{away.host} ({away.state_dir})")
    print(f"Journal  on {where}; this is {output.safe(away.here)}. Change the queue there")
    since = "" if away.age is None else f"; this is what it wrote {cells.span(away.age)} ago"
    print(f"Daemon   {away.daemon} on {output.safe(away.host)}{since}")
    counts = ", ".join(f"{number} {state}" for state, number in away.counts.items())
    print(f"Jobs     {counts}{f'; {away.left_out} older ones' if away.left_out else ''}")
    if away.backend_problem is not None:
        print(f"Slurm    {output.coloured(output.safe(away.backend_problem), 'failed')}; nothing is launched")
    if away.jobs:
        print()
        rows = [
            [
                job["number"],
                output.safe(job["run_id"]),
                output.state_cell(job["state"]),
                output.safe(job.get("node") or ""),
                output.safe(job.get("waiting") or ""),
            ]
            for job in away.jobs[:_AWAY_SHOWN]
        ]
        output.table(
            ["#", "RUN", "STATE", "NODE", "WAITS FOR"], rows, flexible=[4, 1], ids=[1], state_column=2
        )
    if len(away.jobs) > _AWAY_SHOWN:
        print(f"and {len(away.jobs) - _AWAY_SHOWN} more")


def _print(summary: QueueSummary, *, as_json: bool) -> None:
    if as_json:
        output.print_json("queue-status", summary.to_json())
    else:
        print_summary(summary)


def watch(here: Workspace, *, as_json: bool) -> int:
    """Show the status until interrupted; redraw it on a terminal, else print it again after a change."""
    from runforge.views import glance

    before = None
    while True:
        summary = glance.queue_summary(here)
        now = (
            summary.counts,
            summary.daemon.state,
            summary.daemon.shortage,
            summary.daemon.gpu_problem,
            summary.daemon.backend_note,
            summary.to_json()["groups"],
        )
        if as_json:
            if now != before:
                output.print_json("queue-status", summary.to_json(), indent=None)
        elif output.can_redraw():
            print("\x1b[H\x1b[2J", end="")
            print_summary(summary)
        elif now != before:
            print_summary(summary)
            print()
        sys.stdout.flush()
        before = now
        time.sleep(1.0)


def daemon_line(daemon: DaemonStatus) -> str:
    """Return the daemon's state, and what to do if something is wrong."""
    if daemon.state in {"running", "stopping"}:
        text = f"{daemon.state} (pid {daemon.pid})"
        return output.coloured(text, "running")
    if daemon.state == "died":
        return output.coloured("died; `runforge daemon --detach` takes over", "failed")
    if daemon.state == "not_responding":
        text = f"not responding (pid {daemon.pid}); `runforge daemon --replace --detach` takes over"
        return output.coloured(text, "failed")
    return "stopped; `runforge daemon --detach` starts one"


def _print_problems(daemon: DaemonStatus) -> None:
    if daemon.backend_note is not None:
        print(f"Slurm    {output.coloured(output.safe(daemon.backend_note), 'failed')}")
    if daemon.gpu_problem is not None:
        text = output.coloured(output.safe(daemon.gpu_problem), "failed")
        print(f"GPUs     the daemon cannot use them: {text}; runs that need one wait")


def print_summary(summary: QueueSummary) -> None:
    """Print a summary for people."""
    daemon = summary.daemon
    print(f"Daemon   {daemon_line(daemon)}")
    gpus = f", {summary.gpu_slots_used} of {daemon.gpu_slots} GPU slots" if daemon.backend == "local" else ""
    print(f"Slots    {summary.slots_used} of {daemon.max_parallel} in use{gpus}")
    counts = ", ".join(f"{number} {state}" for state, number in summary.counts.items())
    print(f"Jobs     {counts}")
    if daemon.shortage is not None:
        name = "Slurm" if daemon.shortage.kind == "slurm" else "Disk"
        print(
            f"{name:<8} {output.coloured(output.safe(daemon.shortage.text), 'failed')}; nothing is launched"
        )
    _print_problems(daemon)
    if summary.is_snapshot:
        print("Journal  read-only snapshot; the last changes may be missing")
    live = [g for g in summary.groups if g.status == "running"]
    others = [
        f"{number:,} {'more ' if live and what == 'open' else ''}group{'s' if number > 1 else ''} {what}"
        for number, what in (
            (summary.groups_open - len(live), "open"),
            (summary.groups_total - summary.groups_open, "ended"),
        )
        if number
    ]
    if live:
        print()
        tables.print_groups(live)
    if others:
        print(f"\n{', '.join(others)}; `runforge groups` lists them")
    if summary.running:
        print()
        tables.print_jobs(summary.running)
    if summary.next:
        print("\nNext")
        for job in summary.next:
            print(f"  {job.number}  {output.safe(job.run_id)}: {output.safe(job.waiting_text or '')}")
    if not any(summary.counts.values()):
        print("\nThe queue is empty. Put a sweep into it: runforge enqueue-sweep --plan plan.json")
