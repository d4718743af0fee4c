"""Makes a new journal from a damaged one: from its readable rows, the exports and the attempts' files.

The damaged files are never changed and never deleted. They stay in place until the new journal is complete
and a replay gives its tables. Nothing is guessed: a job that no source knows is named, not invented.
"""

from __future__ import annotations

from dataclasses import dataclass

from runforge.errors import OperationFailed
from runforge.store.recovery import from_attempts, from_exports, rebuild, salvage, swap, sweep_runs
from runforge.store.recovery.salvage import Row
from runforge.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was recovered. `unknown_runs` are run folders that no source knows as queued."""

    from_journal: int
    from_exports: int
    groups: int
    running: int
    kept_at: str
    unknown_runs: list[str]


def recover(workspace: Workspace) -> Recovered:
    """Make a new journal from all that can be saved and replace the damaged one.

    The caller holds the daemon's lock and the writers' lock. Raises OperationFailed, with the old files in
    place, if the new journal would not be in order.
    """
    swap.clear(workspace)
    try:
        tables = salvage.read(swap.damaged_copy(workspace), _known_ids(workspace))
        from_journal = len(tables["jobs"])
        from_exports.add(workspace, tables)
        _complete_dry_runs(workspace, tables["jobs"][from_journal:])
        from_attempts.complete(workspace, tables)
        sweep_runs.complete(workspace, tables)
        _require_order(rebuild.write(swap.fresh(workspace), tables))
        kept = swap.exchange(workspace)
    finally:
        swap.clear(workspace)
    known = {job["run_id"] for job in tables["jobs"]}
    return Recovered(
        from_journal,
        len(tables["jobs"]) - from_journal,
        len(tables["groups"]),
        sum(job["state"] == "running" for job in tables["jobs"]),
        str(kept),
        sorted(set(from_exports.folders(workspace.runs_dir)) - known),
    )


def _known_ids(workspace: Workspace) -> dict[str, list[str]]:
    """Return the ids in the exports. They help to find rows behind a damaged page."""
    jobs = from_exports.document(workspace.queue_json).get("jobs", [])
    return {
        "attempts": [str(job.get("job_id")) for job in jobs if isinstance(job, dict)],
        "groups": from_exports.folders(workspace.hidden / "groups"),
    }


def _complete_dry_runs(workspace: Workspace, jobs: list[Row]) -> None:
    """Find how long dry runs hold their slot: the exports do not say it."""
    for job in jobs:
        if job["dry_run_seconds"] is not None:
            job["dry_run_seconds"] = next(from_attempts.dry_run_seconds(workspace, job), 0.0)


def _require_order(problems: list[str]) -> None:
    if problems:
        raise OperationFailed(
            f"what could be saved contradicts itself: {problems[0]}", fix="The journal was not changed"
        )
