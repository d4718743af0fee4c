"""The commands that forget runs and delete their files. A person is asked first."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from runforge import cells
from runforge.cli import changes, output, units
from runforge.cli.options import find
from runforge.core import job_numbers
from runforge.core.states import TERMINAL
from runforge.errors import InvalidRequest
from runforge.queue.changed import Changed

if TYPE_CHECKING:
    from pathlib import Path

    from runforge.core.records import Job
    from runforge.queue.orphaned import Orphan
    from runforge.workspace import Workspace


def remove(
    targets: list[str],
    where: str | None,
    yes: bool,
    workspace: Path | None,
    as_json: bool,
    keep_files: bool,
) -> int:
    """Forget ended runs, with their folders unless these are kept."""
    from runforge.queue import remove as removing
    from runforge.queue.prune import size_of

    here, selection = changes.choose(workspace, targets, where, yes=True, wish="Remove")
    ended = [job for job in selection.jobs if job.state in TERMINAL]
    if ended and not yes:
        numbers = job_numbers.text(job.seq for job in ended)
        if not keep_files:
            what = f"Delete {_runs(len(ended), 'its folder', 'their folders')}: {numbers}"
            because = f"this deletes {_runs(len(ended), 'its folder', 'their folders')}"
            changes.ask(f"{what} ({cells.size(size_of(here, ended))})", because=because)
        elif sys.stdin.isatty():
            changes.ask(f"Forget {_runs(len(ended))}: {numbers} (the folders stay)", because="")
    done = removing.remove(here, [job.job_id for job in selection.jobs], keep_files=keep_files)
    return changes.report(done, as_json=as_json)


def _runs(count: int, one: str = "", several: str = "") -> str:
    files = one if count == 1 else several
    return f"{count:,} run{'' if count == 1 else 's'}{f' and {files}' if files else ''}"


def prune(
    older_than: str | None,
    workspace: Path | None,
    delete_runs: bool,
    orphaned: bool,
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> int:
    """Forget old runs, or delete the folders that no job knows; 5 if the answer is no."""
    if (older_than is None) != orphaned or (orphaned and delete_runs):
        raise InvalidRequest(
            "prune needs one choice",
            fix="Give --older-than AGE (with or without --delete-runs), or --orphaned",
        )
    here = find(workspace)
    if older_than is None:
        return _prune_orphaned(here, dry_run=dry_run, yes=yes, as_json=as_json)
    seconds = units.duration(older_than, "--older-than", bare="d")
    return _prune_old(here, seconds, delete_runs=delete_runs, dry_run=dry_run, yes=yes, as_json=as_json)


def _prune_old(
    here: Workspace, seconds: float, *, delete_runs: bool, dry_run: bool, yes: bool, as_json: bool
) -> int:
    from runforge.cli.progress import Progress
    from runforge.queue import prune as pruning

    if not dry_run and not yes and delete_runs:
        changes.require_answer("--delete-runs deletes folders")
    if not dry_run and not yes and sys.stdin.isatty():
        found = pruning.prune(here, seconds, delete_runs=delete_runs, dry_run=True)
        if found.jobs and delete_runs:
            what = _runs(found.jobs, "its folder", "their folders")
            changes.ask(f"Delete {what} ({cells.size(found.bytes)})", because="--delete-runs deletes folders")
        elif found.jobs:
            changes.ask(f"Forget {_runs(found.jobs)} (the folders stay)", because="")
    listed: list[Job] = []
    told = listed.extend if as_json else _ignore
    with Progress("prune", "") as progress:
        outcome = pruning.prune(
            here, seconds, delete_runs=delete_runs, dry_run=dry_run, told=told, progress=progress
        )
    if as_json:
        left = [(job, "dry run") for job in listed] if dry_run else []
        changes.print_json(Changed([] if dry_run else listed, left))
        return 0
    prefix = "[DRY-RUN] would forget" if dry_run else "Forgot"
    size = f", {cells.size(outcome.bytes)}" if delete_runs else ""
    print(f"{prefix} {outcome.jobs} jobs{size}")
    if not delete_runs and outcome.jobs and not dry_run:
        output.note("The run folders are still there; --delete-runs deletes them too")
    if outcome.kept_free:
        output.note(
            f"{cells.size(outcome.kept_free)} of the journal are free for new runs; the next `runforge prune` without a"
            " daemon gives them back to the disk"
        )
    return 0


def _ignore(_: object) -> None:
    pass


def orphans(here: Workspace) -> tuple[list[Orphan], int]:
    """Return what no job knows, and how many runs are not among it: they are newer than the journal."""
    from runforge.queue import orphaned
    from runforge.store import verify

    newer = {run_id for run_id in verify.unknown_runs(here) if here.attempt_dir(run_id, 1).parent.is_dir()}
    return [orphan for orphan in orphaned.find(here) if orphan.path.name not in newer], len(newer)


def _prune_orphaned(here: Workspace, *, dry_run: bool, yes: bool, as_json: bool) -> int:
    from runforge.queue import orphaned

    found, kept = orphans(here)
    size = cells.size(sum(orphan.bytes for orphan in found))
    if not as_json:
        for orphan in found:
            print(f"{output.safe(str(orphan.path))}  {cells.size(orphan.bytes)}")
    if found and not dry_run and not yes:
        what = f"{len(found):,} folder{'' if len(found) == 1 else 's'} and files that no job knows ({size})"
        changes.ask(f"Delete {what}", because="--orphaned deletes folders")
    deleted = found if dry_run else orphaned.delete(here, found)
    if as_json:
        document = [
            {"kind": orphan.kind, "path": str(orphan.path), "bytes": orphan.bytes} for orphan in deleted
        ]
        output.print_json("orphaned", {"dry_run": dry_run, "deleted": document})
        return 0
    if kept:
        output.note(
            f"{_runs(kept)} newer than the journal {'is' if kept == 1 else 'are'} kept; `runforge doctor` names them"
        )
    print(f"{'[DRY-RUN] would delete' if dry_run else 'Deleted'} {len(deleted)} that no job knows, {size}")
    return 0
