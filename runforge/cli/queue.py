"""Commands that change the queue."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Annotated

import typer

from runforge.cli import output
from runforge.cli.options import (
    MOST,
    DryRunOption,
    DryRunSecondsOption,
    GroupOption,
    MaxRunsOption,
    RunArgument,
    StateDirOption,
    WorkspaceOption,
    checked_seconds,
    complete_either,
    complete_group,
    dry_run_seconds,
    find,
)
from runforge.core.submission import Submission
from runforge.metrics import tokens
from runforge.views import resolve

PlanOption = Annotated[Path, typer.Option("--plan", "-p", help="The sweep plan.", show_default=False)]
_AGE = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw]?)")
_UNITS = {"": 86400, "s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


def enqueue_sweep(
    plan: PlanOption,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    dry_run_hold: DryRunSecondsOption = 0.0,
    max_runs: MaxRunsOption = 10_000,
    state_dir: StateDirOption = None,
) -> int:
    """Put all runs of a sweep plan into the queue."""
    from runforge.cli import enqueueing

    hold = dry_run_seconds(dry_run, dry_run_hold)
    submission = Submission(dry_run_seconds=hold)
    return enqueueing.sweep(workspace, plan, submission, max_runs=max_runs, state_dir=state_dir)


def enqueue_run(
    run_id: Annotated[str, typer.Option("--run-id", help="The name of the run folder.")],
    workspace: WorkspaceOption = None,
    group_id: Annotated[
        str | None,
        typer.Option("--group-id", "-g", autocompletion=complete_group, help="Join this group."),
    ] = None,
    priority: Annotated[
        int, typer.Option("--priority", min=-MOST, max=MOST, help="Higher starts first.")
    ] = 0,
    dry_run: DryRunOption = False,
    dry_run_hold: DryRunSecondsOption = 0.0,
) -> int:
    """Put the run of an existing run folder into the queue."""
    from runforge.cli import enqueueing

    hold = dry_run_seconds(dry_run, dry_run_hold)
    submission = Submission(group=group_id, priority=priority, dry_run_seconds=hold)
    return enqueueing.run(workspace, run_id, submission)


def pause_group(group_id: GroupOption, workspace: WorkspaceOption = None) -> int:
    """Start nothing more of a group; what runs goes on."""
    from runforge.queue import pause

    found = pause.pause_group(find(workspace), group_id)
    print(f"Paused group {found}")
    print(tokens.group_paused(found))
    return 0


def resume_group(group_id: GroupOption, workspace: WorkspaceOption = None) -> int:
    """Let a paused group start runs again."""
    from runforge.queue import pause

    found = pause.resume_group(find(workspace), group_id)
    print(f"Resumed group {found}")
    print(tokens.group_resumed(found))
    return 0


def retry_failed(group_id: GroupOption, workspace: WorkspaceOption = None) -> int:
    """Queue the failed runs of a group once more."""
    from runforge.queue import retry

    here = find(workspace)
    found = resolve.group_id(here, group_id)
    print(f"Re-enqueued {retry.retry_failed(here, found)} failed runs in group {found}")
    return 0


def cancel_group(
    group_id: GroupOption,
    workspace: WorkspaceOption = None,
    let_running_finish: Annotated[
        bool, typer.Option("--let-running-finish", help="Cancel only what has not started.")
    ] = False,
) -> int:
    """Cancel the queued runs of a group and stop the running ones (TERM, 10 s, KILL)."""
    from runforge.queue import cancel

    here = find(workspace)
    found = resolve.group_id(here, group_id)
    outcome = cancel.cancel_group(here, found, let_running_finish=let_running_finish)
    total = outcome.canceled_queued + outcome.stopping
    detail = f" ({outcome.stopping} of them running, being stopped)" if outcome.stopping else ""
    print(f"Canceled {total} runs in group {found}{detail}")
    return 0


def cancel_run(run: RunArgument, workspace: WorkspaceOption = None) -> int:
    """Cancel one run, queued or running."""
    from runforge.queue import cancel

    here = find(workspace)
    found = resolve.run_id(here, run)
    outcome = cancel.cancel_run(here, found)
    print(f"Canceled run {found}{' (it is being stopped)' if outcome.stopping else ''}")
    return 0


def retry_run(run: RunArgument, workspace: WorkspaceOption = None) -> int:
    """Queue a failed or canceled run once more."""
    from runforge.queue import retry

    job = retry.retry_run(find(workspace), run)
    print(f"Re-enqueued run {job.run_id} as attempt {job.attempt}")
    return 0


def set_priority(
    name: Annotated[
        str, typer.Argument(autocompletion=complete_either, help="A run or a group.", metavar="RUN|GROUP")
    ],
    priority: Annotated[int, typer.Argument(min=-MOST, max=MOST, help="Higher starts first; 0 is usual.")],
    workspace: WorkspaceOption = None,
) -> int:
    """Set the priority of a run, or of all live runs of a group."""
    from runforge.queue.priority import set_priority as change_priority

    print(f"Set priority {priority} on {change_priority(find(workspace), name, priority)} runs")
    return 0


def _seconds(text: str) -> float:
    from runforge.errors import InvalidRequest

    match = _AGE.fullmatch(text.strip())
    if match is None:
        raise InvalidRequest(f"--older-than {text[:40]!r} is no age", fix="Write 30d, 12h, 45m or 90s")
    return checked_seconds("--older-than", float(match.group(1)) * _UNITS[match.group(2)])


def prune(
    older_than: Annotated[str, typer.Option("--older-than", help="30d, 12h, 45m or 90s.")],
    workspace: WorkspaceOption = None,
    delete_runs: Annotated[
        bool, typer.Option("--delete-runs", help="Delete the run folders too, models and all.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would go.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int:
    """Forget jobs that ended long ago. Run folders stay unless --delete-runs is given."""
    from runforge.errors import InvalidRequest
    from runforge.queue import prune as pruning

    here, seconds = find(workspace), _seconds(older_than)
    if delete_runs and not dry_run and not yes:
        if not sys.stdin.isatty():
            raise InvalidRequest("--delete-runs asks first", fix="Give --yes where nobody can answer")
        found = pruning.prune(here, seconds, delete_runs=True, dry_run=True)
        question = f"Delete {found.jobs} runs and their folders ({found.bytes / 2**20:.1f} MiB)?"
        if not typer.confirm(question):
            return 5
    outcome = pruning.prune(here, seconds, delete_runs=delete_runs, dry_run=dry_run)
    prefix = "[DRY-RUN] would forget" if dry_run else "Forgot"
    size = f", {outcome.bytes / 2**20:.1f} MiB" if delete_runs else ""
    print(f"{prefix} {outcome.jobs} jobs{size}")
    if not delete_runs and outcome.jobs and not dry_run:
        output.note("The run folders are still there; --delete-runs takes them too")
    return 0
