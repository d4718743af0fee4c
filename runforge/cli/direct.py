"""Commands that work in the foreground, without the queue: one run, or one sweep."""

from __future__ import annotations

from pathlib import Path

from runforge.cli import enqueueing
from runforge.cli.options import dry_run_seconds, find
from runforge.core.submission import Submission
from runforge.errors import InvalidRequest
from runforge.files.given import shown


def run(
    request: Path | None,
    run_dir: Path | None,
    workspace: Path | None,
    dry_run: bool,
    dry_run_hold: float,
    max_rows: int | None,
) -> int:
    """Execute the request, or the run folder, and return the exit code of its outcome."""
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
    plan: Path, workspace: Path | None, dry_run: bool, dry_run_hold: float, enqueue: bool, max_runs: int
) -> int:
    """Run the plan here, or follow it if a daemon is running; return the exit code of its outcome."""
    hold = dry_run_seconds(dry_run, dry_run_hold)
    submission = Submission(dry_run_seconds=hold)
    if enqueue:
        return enqueueing.sweep(workspace, plan, submission, max_runs=max_runs)
    data, where = enqueueing.read_plan(plan), shown(plan)
    here = find(enqueueing.plan_workspace(workspace, data, where))
    from runforge.direct.sweep import run_sweep

    code = run_sweep(here, data, submission, where=where, max_runs=max_runs)
    if hold is not None:
        print("[DRY-RUN] the runs were validated, no model was touched")
    return code
