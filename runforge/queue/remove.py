"""Forgets ended runs, with their folders: first in the journal, then on the disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Sequence

from runforge import clock, failpoints
from runforge.core.records import Job
from runforge.core.states import LIVE
from runforge.queue import provenance
from runforge.queue.change import announce, committed
from runforge.queue.changed import Changed
from runforge.store import code as codes
from runforge.store import edges, forgetting
from runforge.workspace import Workspace

#: Only the folders that RunForge made are deleted with their run.
_OWN = ".runforge/runs/"


def remove(workspace: Workspace, job_ids: Sequence[str], *, keep_files: bool = False) -> Changed:
    """Forget the ended ones of the jobs, and groups that have no run left; what they wait for is forgotten too.

    A kill in between leaves folders that no job knows (`queue.orphaned`).
    """
    with committed(workspace) as tx:
        jobs = [edges.known_job(tx, job_id) for job_id in dict.fromkeys(job_ids)]
        ended = [job for job in jobs if job.state not in LIVE]
        groups = forgetting.forget(tx, ended, clock.now())
        unused = codes.forget_unused(tx)
    failpoints.hit("prune.forgotten")
    provenance.let_go(workspace, unused)
    delete_folders(workspace, ended, groups, run_folders=not keep_files)
    if ended:
        announce(workspace)
    return Changed(ended, [(job, f"still {job.state}") for job in jobs if job.state in LIVE])


def delete_folders(
    workspace: Workspace, jobs: Iterable[Job], groups: Iterable[str], *, run_folders: bool
) -> None:
    """Delete what belongs to forgotten jobs and groups."""
    attempts, root = str(workspace.attempts_dir), str(workspace.root)
    for job in jobs:
        _remove(f"{attempts}/{job.run_id}")
        if run_folders and job.run_dir.startswith(_OWN):
            _remove(f"{root}/{job.run_dir}")
    for group_id in groups:
        _remove(str(workspace.group_dir(group_id)))


def _remove(folder: str) -> None:
    """Delete a folder if it is there: of very many that are not, looking is most of the work."""
    if os.path.lexists(folder):
        shutil.rmtree(folder, ignore_errors=True)
