"""Commands that work without the queue: one run, or one sweep, in the foreground."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from runforge.cli import enqueueing
from runforge.cli.options import (
    DryRunOption,
    DryRunSecondsOption,
    MaxRunsOption,
    WorkspaceOption,
    dry_run_seconds,
    find,
)
from runforge.cli.queue import PlanOption
from runforge.core.submission import Submission
from runforge.errors import InvalidRequest


def run(
    request: Annotated[
        Path | None, typer.Option("--request", help="A request.json; makes a run folder.")
    ] = None,
    run_dir: Annotated[
        Path | None, typer.Option("--run-dir", help="A run folder with its request.json.")
    ] = None,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    dry_run_hold: DryRunSecondsOption = 0.0,
    max_rows: Annotated[
        int | None, typer.Option("--max-rows", help="Train on a sample of this many rows.")
    ] = None,
) -> int:
    """Execute one request here and now, without daemon or queue."""
    if (request is None) == (run_dir is None):
        raise InvalidRequest("give either --request or --run-dir", fix="See `runforge run --help`")
    if max_rows is not None and max_rows < 1:
        raise InvalidRequest(f"--max-rows {max_rows} is too small", fix="Give at least 1")
    from runforge.direct import run as foreground

    hold = dry_run_seconds(dry_run, dry_run_hold)
    if request is not None:
        return foreground.run_request(find(workspace), request, dry_run_seconds=hold, max_rows=max_rows)
    return foreground.run_folder(workspace, Path(str(run_dir)), dry_run_seconds=hold, max_rows=max_rows)


def sweep(
    plan: PlanOption,
    workspace: WorkspaceOption = None,
    dry_run: DryRunOption = False,
    dry_run_hold: DryRunSecondsOption = 0.0,
    enqueue: Annotated[bool, typer.Option("--enqueue", help="Only put it into the queue.")] = False,
    max_runs: MaxRunsOption = 10_000,
) -> int:
    """Run a sweep plan in the foreground; where a daemon lives, follow it there."""
    hold = dry_run_seconds(dry_run, dry_run_hold)
    submission = Submission(dry_run_seconds=hold)
    if enqueue:
        return enqueueing.sweep(workspace, plan, submission, max_runs=max_runs)
    data = enqueueing.read_plan(plan)
    here = find(enqueueing.plan_workspace(workspace, data, str(plan)))
    from runforge.direct.sweep import run_sweep

    code = run_sweep(here, data, submission, where=str(plan), max_runs=max_runs)
    if hold is not None:
        print("[DRY-RUN] the runs were validated, no model was touched")
    return code
