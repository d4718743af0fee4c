"""Starts attempts: writes folder and spec, then asks a zygote for a supervisor.

There are two zygotes. The bare one is for commands: a fork takes half a millisecond. The warm one has
imported scikit-learn, which saves each training run more than a second of CPU time.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from runforge.attempts import build_spec, checkpoints, earlier_life, environment, outputs
from runforge.attempts.build_spec import Place, Terms
from runforge.attempts.spec import GpuLock
from runforge.backends.base import Launch
from runforge.backends.local.zygote_client import Reply, ZygoteClient
from runforge.core.outcome import DeviceGrant
from runforge.core.records import Group, Job
from runforge.documents import request_file
from runforge.documents.request import Request
from runforge.documents.retried_request import with_changes
from runforge.errors import OperationFailed
from runforge.files.durable import refuse_link
from runforge.machine import gpu_lease
from runforge.machine.gpu_watch import GpuWatch
from runforge.workspace import Workspace

#: The modules that every supervisor needs, and those that training needs too.
FINISH = "runforge.training.outcome"
WARMUP = "runforge.training.warmup"
#: Runs that may follow each other in one process, and what knows where one could leave something behind.
KEPT = (build_spec.TRAINS, "runforge.training.global_state")
#: Idle supervisors are kept this many seconds after the last launch.
SPARE_SECONDS = 60.0
#: The warm zygote is kept this long; its modules need more than a hundred megabytes.
WARM_SECONDS = 600.0


class _Asked(NamedTuple):
    token: str
    zygote: ZygoteClient


class Launcher:
    """Gives attempts to the zygotes and returns their answers."""

    def __init__(self, workspace: Workspace, gpus: GpuWatch, *, max_parallel: int, umask: int) -> None:
        self._workspace = workspace
        self._gpus = gpus
        self._queue = gpu_lease.queue_of(workspace.journal)
        self._threads = build_spec.threads_per_run(max_parallel)
        self._umask = umask
        self._asked: dict[int, _Asked] = {}
        self._number = 0
        self._dead: list[ZygoteClient] = []
        log = workspace.queue_dir / "zygote.log"
        own = dict(os.environ)
        self._used = time.monotonic()
        self._is_spare = False
        self._warm_used = self._used
        self._bare = ZygoteClient([FINISH], own, log)
        self._warm = ZygoteClient([FINISH, WARMUP], build_spec.single_threaded(own), log, KEPT)

    @property
    def zygotes(self) -> list[ZygoteClient]:
        """The running zygotes."""
        return [zygote for zygote in (self._bare, self._warm) if zygote.is_started]

    def start(self) -> None:
        """Start both zygotes; the daemon does not wait for them."""
        for zygote in (self._bare, self._warm):
            zygote.start()

    def is_release_due(self) -> bool:
        """Return whether something has been idle long enough to be released."""
        now = time.monotonic()
        if self._is_spare and now - self._used > SPARE_SECONDS:
            return True
        return self._warm.is_started and now - self._warm_used > WARM_SECONDS

    def release_idle(self) -> None:
        """Release idle supervisors, and the warm zygote after a while; the next run starts it again."""
        for zygote in self.zygotes:
            zygote.release()
        # The busy ones are asked again later.
        self._used, self._is_spare = time.monotonic(), any(zygote.has_supervisors for zygote in self.zygotes)
        if time.monotonic() - self._warm_used > WARM_SECONDS:
            self._warm.close()

    def close(self) -> None:
        """End both zygotes. The runs continue."""
        for zygote in self.zygotes:
            zygote.close()

    def launch(self, launch: Launch, attempt_dir: Path) -> None:
        """Write the attempt's spec and ask for a supervisor. Raises StillRuns, RunForgeError or OSError."""
        job, token = launch.job, launch.ref.token
        run_dir = self._workspace.root / job.run_dir
        refuse_link(run_dir)
        request, digest = request_file.read_of_run(run_dir, job.request_sha)
        _require_same(job, digest)
        request = with_changes(request, job)
        files = environment.of_request(self._workspace, request.environment)
        variables = environment.variables(files, os.environ)
        earlier_life.set_aside(self._workspace, job, token)
        build_spec.make_attempt(attempt_dir)
        outputs.archive(self._workspace, job)
        if request.resuming.is_resumable:
            checkpoints.make(run_dir)
        terms = Terms(
            gpus=self._gpus.found.total,
            devices=tuple(self._gpus.known[uuid] for uuid in launch.grant.uuids),
            ooms=launch.grant.ooms,
            threads=self._threads,
            umask=self._umask,
            dry_run_seconds=job.dry_run_seconds,
            yields=job.yields,
            resumes=job.attempt > 1 and (_says_so(request) or not checkpoints.is_empty(run_dir)),
            objective=_objective(launch.group, request),
            environment=files,
            variables=variables,
            gpu_locks=tuple(_lock(each) for each in launch.grant.devices if each.device is not None),
            queue=self._queue,
        )
        place = Place(job.run_id, job.attempt, token, self._workspace.root, run_dir, attempt_dir)
        path, sealed = build_spec.write_spec(build_spec.build_spec(request, place, terms), request)
        zygote = self._zygote(is_command=build_spec.is_command(request, terms))
        self._number += 1
        zygote.submit(self._number, path, sealed)
        self._asked[self._number] = _Asked(token, zygote)

    def _zygote(self, *, is_command: bool) -> ZygoteClient:
        """Return the zygote for a run; start it if needed."""
        zygote = self._bare if is_command else self._warm
        if not zygote.is_started:
            zygote.start()
        self._used = time.monotonic()
        self._is_spare = True
        if zygote is self._warm:
            self._warm_used = self._used
        return zygote

    def answers(self) -> Iterable[tuple[str, Reply]]:
        """Yield the zygotes' answers by the attempt's token: a supervisor, or why there is none."""
        for zygote in self.zygotes:
            for reply in zygote.replies():
                asked = self._asked.pop(reply.id, None)
                if asked is not None:
                    yield asked.token, reply
                elif reply.handle is not None:
                    os.close(reply.handle)

    def orphaned_launches(self) -> list[str]:
        """Give up dead zygotes; return the tokens of the attempts that they did not answer."""
        orphaned: list[str] = []
        self._dead = [zygote for zygote in self.zygotes if not zygote.alive()]
        for zygote in self._dead:
            with contextlib.suppress(OSError):
                zygote.close()
            unanswered = [n for n, asked in self._asked.items() if asked.zygote is zygote]
            orphaned += [self._asked.pop(number).token for number in unanswered]
        return orphaned

    def restart_dead(self) -> None:
        """Start the dead zygotes again. OSError if the machine has no room for one: a launch starts it then."""
        for zygote in self._dead:
            zygote.start()


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


def _objective(group: Group | None, request: Request) -> tuple[str, str] | None:
    if group is not None and group.objective_metric is not None:
        return group.objective_metric, group.direction
    return request.objective
