"""Which attempt wrote the files in a run folder: this one, or the last one that started before it.

Between two attempts that started, some may never have started, because the daemon was killed while launching
them. They left no files. So the files keep the number of the attempt that wrote them.
"""

from __future__ import annotations

from runforge.attempts import build_spec, start_marker
from runforge.core.records import Job
from runforge.workspace import Workspace


def archive(workspace: Workspace, job: Job) -> None:
    """Move the files in the run folder to `previous/<n>`; n is the attempt that wrote them."""
    if job.attempt > 1:
        build_spec.set_aside(workspace.root / job.run_dir, _owner(workspace, job))


def archive_if_unlaunched(workspace: Workspace, job: Job) -> None:
    """Archive the older files if this attempt never had a folder. Otherwise the files are its own."""
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
            # That folder exists: the files are from a later attempt whose own folder was deleted.
            return job.attempt - 1 if any((kept / name).exists() for name in left) else number
    return job.attempt - 1
