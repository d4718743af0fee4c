"""Commands that change the queue."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runforge import cells
from runforge.cli import output, units
from runforge.cli.options import dry_run_seconds, find
from runforge.core.submission import Submission
from runforge.metrics import tokens
from runforge.views import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from runforge.queue.prune import PruneOutcome


def enqueue_sweep(
    plan: Path,
    workspace: Path | None,
    dry_run: bool,
    dry_run_hold: float,
    max_runs: int,
    state_dir: Path | None,
) -> int:
    """Enqueue the runs of a plan file and print their group's id."""
    from runforge.cli import enqueueing

    hold = dry_run_seconds(dry_run, dry_run_hold)
    submission = Submission(dry_run_seconds=hold)
    return enqueueing.sweep(workspace, plan, submission, max_runs=max_runs, state_dir=state_dir)


def enqueue_run(
    run_id: str,
    workspace: Path | None,
    group_id: str | None,
    priority: int,
    dry_run: bool,
    dry_run_hold: float,
) -> int:
    """Enqueue one run folder and print its job."""
    from runforge.cli import enqueueing

    hold = dry_run_seconds(dry_run, dry_run_hold)
    submission = Submission(group=group_id, priority=priority, dry_run_seconds=hold)
    return enqueueing.run(workspace, run_id, submission)


def pause_group(group_id: str, workspace: Path | None) -> int:
    """Pause a group and print the token of it."""
    from runforge.queue import pause

    here = find(workspace)
    found = pause.pause_group(here, group_id)
    print(f"Paused group {found}")
    print(tokens.group_paused(found))
    if resolve.has_ended(here, found):
        output.note("The group has ended already; the pause holds back what you retry in it")
    return 0


def resume_group(group_id: str, workspace: Path | None) -> int:
    """Resume a group and print the token of it."""
    from runforge.queue import pause

    found = pause.resume_group(find(workspace), group_id)
    print(f"Resumed group {found}")
    print(tokens.group_resumed(found))
    return 0


def retry_failed(group_id: str, workspace: Path | None) -> int:
    """Retry a group's failed runs and print how many."""
    from runforge.queue import retry

    here = find(workspace)
    found = resolve.group_id(here, group_id)
    print(f"Re-enqueued {retry.retry_failed(here, found)} failed runs in group {found}")
    return 0


def cancel_group(group_id: str, workspace: Path | None, let_running_finish: bool) -> int:
    """Cancel a group and print how many runs."""
    from runforge.queue import cancel

    here = find(workspace)
    found = resolve.group_id(here, group_id)
    outcome = cancel.cancel_group(here, found, let_running_finish=let_running_finish)
    total = outcome.canceled_queued + outcome.stopping
    detail = f" ({outcome.stopping} of them running, being stopped)" if outcome.stopping else ""
    print(f"Canceled {total} runs in group {found}{detail}")
    return 0


def cancel_run(run: str, workspace: Path | None) -> int:
    """Cancel the run and say whether it had started."""
    from runforge.queue import cancel

    here = find(workspace)
    found = resolve.run_id(here, run)
    outcome = cancel.cancel_run(here, found)
    print(f"Canceled run {found}{' (it is being stopped)' if outcome.stopping else ''}")
    return 0


def retry_run(run: str, workspace: Path | None) -> int:
    """Retry the run and print its new attempt's number."""
    from runforge.queue import retry

    job = retry.retry_run(find(workspace), run)
    print(f"Re-enqueued run {job.run_id} as attempt {job.attempt}")
    return 0


def set_priority(name: str, priority: int, workspace: Path | None) -> int:
    """Set the priority of a run or group and print how many runs changed."""
    from runforge.queue.priority import set_priority as change_priority

    print(f"Set priority {priority} on {change_priority(find(workspace), name, priority)} runs")
    return 0


def _confirmed(found: PruneOutcome) -> bool:
    import typer

    runs = "1 run and its folder" if found.jobs == 1 else f"{found.jobs:,} runs and their folders"
    return typer.confirm(f"Delete {runs} ({cells.size(found.bytes)})?")


def prune(older_than: str, workspace: Path | None, delete_runs: bool, dry_run: bool, yes: bool) -> int:
    """Prune; ask first if folders would be deleted; 5 if the answer is no."""
    from runforge.errors import InvalidRequest
    from runforge.queue import prune as pruning

    here, seconds = find(workspace), units.duration(older_than, "--older-than", bare="d")
    if delete_runs and not dry_run and not yes:
        if not sys.stdin.isatty():
            raise InvalidRequest(
                "--delete-runs asks a question first", fix="Give --yes if nobody can answer it"
            )
        found = pruning.prune(here, seconds, delete_runs=True, dry_run=True)
        if found.jobs and not _confirmed(found):
            return 5
    outcome = pruning.prune(here, seconds, delete_runs=delete_runs, dry_run=dry_run)
    prefix = "[DRY-RUN] would forget" if dry_run else "Forgot"
    size = f", {cells.size(outcome.bytes)}" if delete_runs else ""
    print(f"{prefix} {outcome.jobs} jobs{size}")
    if not delete_runs and outcome.jobs and not dry_run:
        output.note("The run folders are still there; --delete-runs deletes them too")
    return 0
