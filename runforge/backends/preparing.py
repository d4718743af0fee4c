"""Writes what an attempt needs before it can start, wherever it is to run: its folder and its spec."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from runforge.attempts import build_spec, checkpoints, earlier_life, environment, outputs
from runforge.attempts.build_spec import Place, Terms
from runforge.attempts.spec import GpuLock
from runforge.backends.base import Launch
from runforge.core.outcome import DeviceGrant
from runforge.core.records import Job
from runforge.documents import request_file
from runforge.documents.request import Request
from runforge.documents.retried_request import with_changes
from runforge.errors import OperationFailed
from runforge.files.durable import refuse_link
from runforge.machine.gpus import Gpu
from runforge.workspace import Workspace


class Written(NamedTuple):
    """The spec of an attempt: where it is, its digest, which does not travel in the file, and what it executes."""

    path: Path
    digest: str
    is_command: bool
    #: The run's own time limit.
    timeout_seconds: float | None


def write(
    workspace: Workspace,
    launch: Launch,
    attempt_dir: Path,
    *,
    gpus: int,
    devices: tuple[Gpu, ...],
    threads: int,
    umask: int,
    queue: str,
    own: Mapping[str, str] = os.environ,
) -> Written:
    """Make an attempt's folder with its spec, and move aside what earlier attempts left.

    Raises StillRuns, FileExistsError if it was launched before, another RunForgeError, or OSError.
    """
    job, token = launch.job, launch.ref.token
    run_dir = workspace.root / job.run_dir
    refuse_link(run_dir)
    request, digest = request_file.read_of_run(run_dir, job.request_sha)
    _require_same(job, digest)
    request = with_changes(request, job)
    files = environment.of_request(workspace, request.environment)
    variables = environment.variables(files, own)
    earlier_life.set_aside(workspace, job, token)
    build_spec.make_attempt(attempt_dir)
    outputs.archive(workspace, job)
    if request.resuming.is_resumable:
        checkpoints.make(run_dir)
    terms = Terms(
        gpus=gpus,
        devices=devices,
        ooms=launch.grant.ooms,
        threads=threads,
        umask=umask,
        dry_run_seconds=job.dry_run_seconds,
        yields=job.yields,
        resumes=job.attempt > 1 and (_says_so(request) or not checkpoints.is_empty(run_dir)),
        objective=launch.objective or request.objective,
        environment=files,
        variables=variables,
        gpu_locks=tuple(_lock(each) for each in launch.grant.devices if each.device is not None),
        queue=queue,
    )
    place = Place(job.run_id, job.attempt, token, workspace.root, run_dir, attempt_dir)
    path, sealed = build_spec.write_spec(build_spec.build_spec(request, place, terms), request)
    return Written(path, sealed, build_spec.is_command(request, terms), request.timeout_seconds)


def _lock(granted: DeviceGrant) -> GpuLock:
    return GpuLock(granted.device or "", granted.is_whole)


def _says_so(request: Request) -> bool:
    """Return whether a run's later attempts resume whatever its folder of checkpoints has."""
    return request.resuming.is_resumable or request.resuming.on_lost == "resume"


def _require_same(job: Job, digest: str) -> None:
    """Raise OperationFailed if the request is not the one that was queued; older jobs are not checked."""
    if job.request_sha is not None and job.request_sha != digest:
        raise OperationFailed(
            f"{job.run_dir}/request.json was changed after the run was queued",
            fix=f"`runforge retry {job.run_id}` takes the file as it is now; `runforge edit` changes a queued run",
        )
