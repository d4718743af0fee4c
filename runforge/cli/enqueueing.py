"""Puts a plan or a run into the queue. Without Typer, so that a thousand calls of a script are quick."""

from __future__ import annotations

from runforge.cli.options import dry_run_seconds, find
from runforge.core.submission import MAX_RUNS, USUAL, Submission
from runforge.documents.placeholders import filled
from runforge.documents.request_file import read_request
from runforge.errors import InvalidPlan, Missing
from runforge.later import module
from runforge.paths import Path
from runforge.queue import submit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.cli import output
    from runforge.core.records import Job
    from runforge.documents import secrets
    from runforge.metrics import tokens
else:
    secrets = module("runforge.documents.secrets")
    tokens = module("runforge.metrics.tokens")
    output = module("runforge.cli.output")


def read_plan(path: Path) -> bytes:
    """Return a plan's bytes; Missing if it does not exist, InvalidPlan if it cannot be read."""
    from runforge.documents.plan import PLAN_LIMIT
    from runforge.files.given import read_given, shown

    try:
        return read_given(path, PLAN_LIMIT)
    except FileNotFoundError:
        raise Missing(
            f"plan not found: {path}", fix="Check --plan; `--plan -` reads standard input"
        ) from None
    except (OSError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InvalidPlan(f"the plan cannot be read: {reason}", where=shown(path)) from None


def plan_workspace(given: Path | None, plan: bytes, where: str) -> Path | None:
    """Return the workspace of a sweep: the option, else what the plan says."""
    if given is not None:
        return given
    from runforge.documents.plan import parse_plan

    said = parse_plan(plan, where=where).workspace
    return Path(said) if said else None


def enqueue_sweep(
    plan: Path,
    workspace: Path | None,
    dry_run: bool,
    dry_run_hold: float,
    max_runs: int,
    state_dir: Path | None,
    as_json: bool,
) -> int:
    """Enqueue the runs of a plan file and print their group's id."""
    hold = dry_run_seconds(dry_run, dry_run_hold)
    submission = Submission(dry_run_seconds=hold)
    return sweep(workspace, plan, submission, max_runs=max_runs, state_dir=state_dir, as_json=as_json)


def enqueue_run(
    run_id: str,
    workspace: Path | None,
    group_id: str | None,
    priority: int,
    dry_run: bool,
    dry_run_hold: float,
    as_json: bool,
) -> int:
    """Enqueue one run folder and print its job."""
    hold = dry_run_seconds(dry_run, dry_run_hold)
    submission = Submission(group=group_id, priority=priority, dry_run_seconds=hold)
    return run(workspace, run_id, submission, as_json=as_json)


def sweep(
    given: Path | None,
    plan: Path,
    submission: Submission = USUAL,
    *,
    max_runs: int = MAX_RUNS,
    state_dir: Path | None = None,
    as_json: bool = False,
) -> int:
    """Put all runs of a plan into the queue."""
    from runforge.files.given import shown

    data, where = read_plan(plan), shown(plan)
    here = find(plan_workspace(given, data, where), state_dir)
    made = submit.enqueue_sweep(here, data, submission, where=where, max_runs=max_runs)
    from runforge.documents import doubts

    _warn(doubts.warnings(made.doubts, where))
    _warn_of_secrets(made.plan.base_request, f"{where}: base_request")
    if made.first is not None and made.first.command:
        from runforge.views.quoting import command_line

        output.note(
            f"first command: {command_line(secrets.hidden(filled(made.first), made.first.hyperparameters))}"
        )
    if as_json:
        from runforge.views import resolve

        _print_json(resolve.select(here, [made.group_id]).jobs)
        return 0
    print(f"Group ID: {made.group_id}")
    if submission.dry_run_seconds is not None:
        held = f"hold a slot for {submission.dry_run_seconds:g} s each"
        print(f"[DRY-RUN] {len(made.run_ids)} runs are validated and {held}")
    print(f"Enqueued {len(made.run_ids)} runs")
    print(tokens.group_enqueued(made.group_id, len(made.run_ids)))
    return 0


def run(given: Path | None, run_id: str, submission: Submission = USUAL, *, as_json: bool = False) -> int:
    """Put the run of an existing run folder into the queue."""
    here = find(given)
    job = submit.enqueue_run(here, run_id, submission)
    from runforge.documents import doubts

    path = here.root / job.run_dir / "request.json"
    request = read_request(path)
    _warn(doubts.warnings(doubts.in_request(request), str(path)))
    _warn_of_secrets(request.raw, str(path))
    if as_json:
        _print_json([job])
        return 0
    if submission.dry_run_seconds is not None:
        print(f"[DRY-RUN] the run is validated and holds a slot for {submission.dry_run_seconds:g} s")
    again = f", attempt {job.attempt}" if job.attempt > 1 else ""
    print(f"Enqueued run {job.run_id} as job {job.job_id}{again}{' [GPU]' if job.requires_gpu else ''}")
    return 0


def _print_json(queued: list[Job]) -> None:
    from runforge.cli import changes  # its imports take longer than the rest of a plain call
    from runforge.queue.changed import Changed

    changes.print_json(Changed(queued, []))


def _warn(lines: list[str]) -> None:
    for line in lines:
        output.note(line)


def _warn_of_secrets(request: dict[str, Any], where: str) -> None:
    """Warn that a request seems to contain a secret, which stays in files of the run."""
    found = list(secrets.secrets_in(request))
    if found:
        output.note(
            f"WARNING: {where}: {', '.join(found[:4])} looks like a secret. The run's folder keeps it, and other users "
            "see it where it is part of a command. Better give it by the environment of the daemon"
        )
