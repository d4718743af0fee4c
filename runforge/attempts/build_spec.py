"""Makes the spec file of an attempt from the request: what is executed, where, and with which values.

Shared by the daemon and by `run`, which executes one request in the foreground, without a queue.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runforge import failpoints
from runforge.attempts import checkpoints
from runforge.attempts import spec as specs
from runforge.attempts.environment import DAEMONS, EnvironmentFiles
from runforge.attempts.spec import GpuGrant, GpuLock, Objective, Payload, Spec
from runforge.core import yielding
from runforge.core.device import Device, decide
from runforge.documents import placeholders
from runforge.documents.request import Request
from runforge.documents.request_options import says_none
from runforge.files.durable import make_dir, make_way, write_new
from runforge.machine.gpus import Gpu
from runforge.metrics import tokens

GRACE_SECONDS = 10.0
LOG_LIMIT_BYTES = 128 * 1024 * 1024
#: The files of an attempt in the run folder. They are moved aside before the next attempt.
OUTPUTS = ("logs.txt", "result.json", "metrics.jsonl", "sources.jsonl", "artifacts")
#: What trains a model of the built-in families.
TRAINS = "runforge.training.worker:main"
#: What a run is told that asked for no GPU where there are some.
SEES_NONE = "this run sees no GPU; -G 1 asks for one"
#: The variables that say how many threads a library starts.
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attempt runs and who it is."""

    run_id: str
    attempt: int
    token: str
    workspace: Path
    run_dir: Path
    attempt_dir: Path


@dataclass(frozen=True, slots=True)
class Terms:
    """What an attempt was granted, and how it is to run; `gpus` is how many the machine has."""

    gpus: int
    threads: int
    devices: tuple[Gpu, ...] = ()
    #: How many attempts of the run have failed because a device had no memory left.
    ooms: int = 0
    dry_run_seconds: float | None = None
    max_rows: int | None = None
    objective: tuple[str, str] | None = None
    echo: bool = False
    umask: int = 0o022
    #: How often the run has made room, and whether it is to go on from what an earlier attempt has saved.
    yields: int = 0
    resumes: bool = False
    environment: EnvironmentFiles = DAEMONS
    #: The variables that the run gets from there; None for those of this process.
    variables: Mapping[str, str] | None = None
    gpu_locks: tuple[GpuLock, ...] = ()
    queue: str = ""


def threads_per_run(max_parallel: int) -> int:
    """Return how many BLAS and OpenMP threads each run gets."""
    return max(1, (os.cpu_count() or 1) // max_parallel)


def single_threaded(environment: dict[str, str]) -> dict[str, str]:
    """Return the environment of a process that forks: its libraries must not start threads."""
    return {**environment, **dict.fromkeys(THREADS, "1")}


def is_command(request: Request, terms: Terms) -> bool:
    """Return whether the attempt executes one of the user's programs."""
    return request.family == "command" and terms.dry_run_seconds is None


def build_spec(request: Request, place: Place, terms: Terms) -> Spec:
    """Return the spec of an attempt (docs/architecture.md describes the format)."""
    runs_command = is_command(request, terms)
    payload = _payload(request, terms)
    return Spec(
        token=place.token,
        run_id=place.run_id,
        attempt=place.attempt,
        workspace=place.workspace,
        run_dir=place.run_dir,
        attempt_dir=place.attempt_dir,
        cwd=place.workspace / (request.folder or request.cwd or "") if runs_command else place.attempt_dir,
        target=None if runs_command else TRAINS,
        argv=placeholders.filled(request) if runs_command else None,
        finish="runforge.training.outcome:finish",
        preamble=_preamble(request, payload.device) if runs_command else (),
        env=_environment(request, place, terms, payload.device),
        environment=terms.environment,
        umask=terms.umask,
        grace_seconds=_grace(request),
        is_resumable=request.resuming.is_resumable,
        yield_signal=request.resuming.signal,
        timeout_seconds=request.timeout_seconds,
        log_limit_bytes=LOG_LIMIT_BYTES,
        echo=terms.echo,
        payload=payload,
        gpu_locks=terms.gpu_locks,
        queue=terms.queue,
    )


def _grace(request: Request) -> float:
    """Return the seconds between the first signal and the last; saving takes its time."""
    if request.grace_seconds is not None:
        return float(request.grace_seconds)
    return yielding.GRACE_SECONDS if request.resuming.is_resumable else GRACE_SECONDS


def _payload(request: Request, terms: Terms) -> Payload:
    is_granted = bool(terms.devices)
    return Payload(
        request=request.raw,
        grant=GpuGrant(terms.gpus, terms.devices),
        device=decide(request.device_type, request.family, gpus=terms.gpus, is_granted=is_granted),
        threads=terms.threads,
        dry_run_seconds=terms.dry_run_seconds,
        max_rows=terms.max_rows,
        objective=Objective(*terms.objective) if terms.objective else None,
    )


def _preamble(request: Request, device: Device) -> tuple[str, ...]:
    is_told = device.gpu_reason == "user_requested_cpu" and not says_none(request.raw)
    return (
        tokens.stage("STARTING"),
        tokens.device(device.type, device.gpu_reason),
        *((f"[RunForge: {SEES_NONE}]",) if is_told else ()),
        tokens.stage("TRAINING"),
    )


def _environment(request: Request, place: Place, terms: Terms, device: Device) -> dict[str, str]:
    environment = {
        "RUNFORGE_RUN_DIR": str(place.run_dir),
        "RUNFORGE_RUN_ID": place.run_id,
        "RUNFORGE_WORKSPACE": str(place.workspace),
        "RUNFORGE_ATTEMPT": str(place.attempt),
        "RUNFORGE_PARAMS": str(place.attempt_dir / "params.json"),
        "RUNFORGE_DEVICE": device.type,
        "RUNFORGE_CHECKPOINT_DIR": str(checkpoints.folder(place.run_dir)),
        "RUNFORGE_YIELDS": str(terms.yields),
        "PYTHONUNBUFFERED": "1",
    }
    if terms.resumes:
        environment["RUNFORGE_RESUME"] = "1"
    environment.update(_visible(request, terms))
    if terms.ooms:
        environment["RUNFORGE_OOMS"] = str(terms.ooms)
    given = os.environ if terms.variables is None else terms.variables
    environment.update({name: str(terms.threads) for name in THREADS if name not in given})
    return environment


def _visible(request: Request, terms: Terms) -> dict[str, str]:
    """Return the variables that show a run its devices, and no others.

    A run that asks for a GPU where NVML knows none is left alone: CUDA may see one that NVML does not.
    """
    if terms.devices:
        uuids = ",".join(gpu.uuid for gpu in terms.devices)
        return {"CUDA_VISIBLE_DEVICES": uuids, "CUDA_DEVICE_ORDER": "PCI_BUS_ID"}
    if request.device_type == "gpu" and not terms.gpus:
        return {}
    return {"CUDA_VISIBLE_DEVICES": ""}


def make_attempt(folder: Path) -> None:
    """Create an attempt's folder; FileExistsError if this attempt was launched before.

    Not synced: after a power cut an attempt without a folder counts as lost.
    """
    try:
        folder.parent.mkdir(0o700)  # mostly it is the run's first attempt
    except OSError:
        make_way(folder.parent, 1)
        make_dir(folder.parent)
    folder.mkdir(0o700)
    failpoints.hit("launch.folder_made")


def write_spec(spec: Spec, request: Request) -> tuple[Path, str]:
    """Write the spec into the attempt's folder; return its path and the digest of what was written.

    Not synced: after a power cut it is not needed. The digest does not travel in the file.
    """
    path = spec.attempt_dir / specs.NAME
    if spec.is_command:
        parameters = json.dumps(request.hyperparameters).encode()
        write_new(spec.attempt_dir / "params.json", parameters, durable=False)
    data = spec.to_json()
    write_new(path, data, durable=False)
    failpoints.hit("launch.spec_written")
    return path, hashlib.sha256(data).hexdigest()


def outputs(run_dir: Path) -> Sequence[str]:
    """Return the names of the files that an attempt has left in the run folder."""
    try:
        there = set(os.listdir(run_dir))
    except OSError:
        return []
    return [name for name in OUTPUTS if name in there and (run_dir / name).exists()]


def previous(run_dir: Path, attempt: int) -> Path:
    """Return where an earlier attempt's files are kept."""
    return run_dir / "previous" / str(attempt)


def set_aside(run_dir: Path, attempt: int) -> None:
    """Move what an attempt left to its own folder below `previous`."""
    left = outputs(run_dir)
    if not left:
        return
    target = previous(run_dir, attempt)
    make_dir(target)
    for name in left:
        if (target / name).is_dir():
            shutil.rmtree(target / name)
        os.replace(run_dir / name, target / name)
        failpoints.hit("launch.set_aside")
