"""Whose the files in a run folder are: an attempt's own, or those of the last one that started before it.

Between two attempts that started there may be some that never did: a daemon was killed while it launched
them. They left nothing, so what lies there keeps the number of the attempt that wrote it.
"""

from __future__ import annotations

from runforge.attempts import build_spec, start_marker
from runforge.core.records import Job
from runforge.workspace import Workspace


def archive(workspace: Workspace, job: Job) -> None:
    """Move what lies in the run folder to `previous/<n>`, n being the attempt that left it."""
    if job.attempt > 1:
        build_spec.set_aside(workspace.root / job.run_dir, _owner(workspace, job))


def archive_if_unlaunched(workspace: Workspace, job: Job) -> None:
    """Do so for an attempt without a folder, if it never had one: else the files are its own."""
    if job.attempt > 1:
        owner = _owner(workspace, job)
        run_dir = workspace.root / job.run_dir
        if not build_spec.previous(run_dir, owner).exists():
            build_spec.set_aside(run_dir, owner)


def _owner(workspace: Workspace, job: Job) -> int:
    run_dir = workspace.root / job.run_dir
    left = build_spec.outputs(run_dir)
    for number in range(job.attempt - 1, 0, -1):
        owner = start_marker.read(workspace.attempt_dir(job.run_id, number))
        if owner is not None and owner.kind == start_marker.STARTED:
            kept = build_spec.previous(run_dir, number)
            # Its place is taken: these are a later one's, whose folder somebody has deleted.
            return job.attempt - 1 if any((kept / name).exists() for name in left) else number
    return job.attempt - 1
