"""`run`: executes one request at once, with the same supervisor as in the queue, without the journal."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import sys
from pathlib import Path
from types import FrameType
from typing import NoReturn

from runforge import clock, ids
from runforge import workspace as workspaces
from runforge.attempts import build_spec, cleanup, environment, exit_record, orders
from runforge.attempts.build_spec import Place, Terms
from runforge.core.states import LIVE
from runforge.daemon.log import log
from runforge.direct import refused
from runforge.documents import doubts
from runforge.documents.request import Request
from runforge.documents.request_file import read_given_request, read_new_request
from runforge.errors import CanceledByUser, InternalError, InvalidRequest, Missing, OperationFailed
from runforge.files.durable import make_dir, write_new
from runforge.files.given import shown
from runforge.files.permissions import become_private
from runforge.machine.gpu_share import own_gpus
from runforge.machine.gpus import Gpus
from runforge.store import records
from runforge.store.opening import exists, open_snapshot
from runforge.supervise.supervisor import supervise
from runforge.training.check import check_request
from runforge.workspace import Workspace


def run_request(
    workspace: Workspace,
    path: Path,
    *,
    dry_run_seconds: float | None = None,
    max_rows: int | None = None,
) -> int:
    """Run a request file in a new run folder; return the exit code."""
    request, data = read_given_request(path)
    _check(request, workspace, shown(path))
    gpus = _gpus(request, dry_run_seconds)
    run_id = ids.direct_run_id(clock.now(), secrets.token_hex(4))
    run_dir = workspace.run_dir(run_id)
    workspace.prepare()
    make_dir(run_dir)
    write_new(run_dir / "request.json", data)
    return _run(workspace, request, run_dir, gpus, dry_run_seconds, max_rows)


def run_folder(
    given: Path | None,
    folder: Path,
    *,
    dry_run_seconds: float | None = None,
    max_rows: int | None = None,
) -> int:
    """Run the request.json of a run folder, anywhere; return the exit code.

    Without a workspace the nearest one above the folder is meant. Raises OperationFailed while the
    queue has the run, whose folder is left alone then. Where the request is refused, the folder says so.
    """
    run_dir = folder.absolute()
    if not run_dir.is_dir():
        raise Missing(f"run folder not found: {folder}", fix="Check --run-dir")
    with refused.told(run_dir):
        workspace = workspaces.at(given) if given is not None else _above(run_dir)
    _refuse_if_queued(workspace, run_dir)
    path = run_dir / "request.json"
    with refused.told(run_dir):
        request = read_new_request(path)
    with refused.told(run_dir, lambda: check_request(request, workspace.root, is_quoting=False)):
        _check(request, workspace, str(path))
    with refused.told(run_dir):
        gpus = _gpus(request, dry_run_seconds)
    workspace.prepare()
    return _run(workspace, request, run_dir, gpus, dry_run_seconds, max_rows)


def _check(request: Request, workspace: Workspace, where: str) -> None:
    """Refuse a request that cannot run here, and warn of possible mistakes in it."""
    check_request(request, workspace.root)
    for line in doubts.warnings(doubts.in_request(request), where):
        log(line)


def _gpus(request: Request, dry_run_seconds: float | None) -> Gpus:
    """Return this process's GPUs. Refuses to compute on the CPU what is to have one that does not work now."""
    found = own_gpus()
    is_needed = request.device_type == "gpu" and request.family == "command" and dry_run_seconds is None
    if is_needed and found.problem is not None:
        raise OperationFailed(
            f"the run asks for a GPU, and {found.problem}",
            fix="Mend it, or set device.type to cpu, or hide the GPUs with RUNFORGE_DISABLE_GPU=1",
        )
    return found


def _above(run_dir: Path) -> Workspace:
    for folder in run_dir.resolve().parents:
        if folder.name in {".runforge", ".ml"}:
            return workspaces.at(folder.parent)
        if (folder / ".runforge").is_dir():
            return workspaces.at(folder)
    raise Missing(f"no workspace above {run_dir}", fix="Give --workspace")


def _refuse_if_queued(workspace: Workspace, run_dir: Path) -> None:
    if not exists(workspace):
        return
    with open_snapshot(workspace) as journal, journal.read() as tx:
        row = tx.row("jobs.by_run_id", run_id=run_dir.name)
    if row is None:
        return
    job = records.job(row)
    if job.state in LIVE and (workspace.root / job.run_dir).resolve() == run_dir.resolve():
        raise OperationFailed(f"run {job.run_id} is {job.state} in the queue", fix="Cancel it first")


def _run(
    workspace: Workspace,
    request: Request,
    run_dir: Path,
    gpus: Gpus,
    dry_run_seconds: float | None,
    max_rows: int | None,
) -> int:
    if max_rows is not None and max_rows < 1:
        raise InvalidRequest(f"--max-rows {max_rows} is too small", fix="Give at least 1")
    umask = become_private()
    attempt = refused.next_attempt(run_dir)
    build_spec.set_aside(run_dir, attempt - 1)
    token = secrets.token_hex(16)
    folder = workspace.state_dir / "attempts" / run_dir.name / f"direct-{token[:8]}"
    place = Place(run_dir.name, attempt, token, workspace.root, run_dir, folder)
    files = environment.of_request(workspace, request.environment)
    terms = Terms(
        environment=files,
        variables=environment.variables(files, os.environ),
        gpus=gpus.total,
        devices=gpus.usable[: request.needs.gpus],
        threads=build_spec.threads_per_run(1),
        dry_run_seconds=dry_run_seconds,
        max_rows=max_rows,
        objective=request.objective,
        echo=True,
        umask=umask,
    )
    print(f"Run {run_dir.name} in {run_dir}", flush=True)
    build_spec.make_attempt(folder)
    spec, _ = build_spec.write_spec(build_spec.build_spec(request, place, terms), request)
    try:
        pid = _supervise_in_child(spec, folder)
        return _exit_code(folder, token, pid)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _supervise_in_child(spec: Path, folder: Path) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid == 0:
        _be_supervisor(spec)

    def cancel(_number: int, _frame: FrameType | None) -> None:
        orders.cancel(folder)

    before = {n: signal.signal(n, cancel) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    try:
        os.waitpid(pid, 0)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return pid


def _be_supervisor(spec: Path) -> NoReturn:
    try:
        os.setsid()
        supervise(spec)
    finally:
        os._exit(0)


def _exit_code(folder: Path, token: str, session: int) -> int:
    record = exit_record.read(folder, token)
    if record is None:
        cleanup.clean_up(token, folder, session)
        raise InternalError("the run's supervisor was killed", fix="How the run ended is not known")
    if record.canceled:
        return CanceledByUser.exit_code
    return 0 if record.exit_code == 0 else OperationFailed.exit_code
