"""Starting attempts: folder and spec durable, then a supervisor from a zygote.

Two zygotes: a bare one for commands, where a fork costs half a millisecond, and a warm one that has
scikit-learn imported, which saves each training run more than a second of CPU.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from runforge.attempts import build_spec, earlier_life, outputs
from runforge.attempts.build_spec import Place, Terms
from runforge.backends.base import Launch
from runforge.backends.local.zygote_client import Reply, ZygoteClient
from runforge.core.records import Group
from runforge.documents.request_file import read_request
from runforge.files.durable import refuse_link
from runforge.machine.gpu_watch import GpuWatch
from runforge.workspace import Workspace

#: What every supervisor needs, and what training needs on top.
FINISH = "runforge.training.outcome"
WARMUP = "runforge.training.warmup"
#: Supervisors that wait for another attempt are kept this long after the last launch, in seconds.
SPARE_SECONDS = 60.0
#: The warm zygote, with more than a hundred megabytes of modules, is kept this long.
WARM_SECONDS = 600.0


class _Asked(NamedTuple):
    token: str
    zygote: ZygoteClient


class Launcher:
    """Hands attempts to the zygotes and their answers back."""

    def __init__(self, workspace: Workspace, gpus: GpuWatch, *, max_parallel: int, umask: int) -> None:
        self._workspace = workspace
        self._gpus = gpus
        self._threads = build_spec.threads_per_run(max_parallel)
        self._umask = umask
        self._asked: dict[int, _Asked] = {}
        self._number = 0
        self._dead: list[ZygoteClient] = []
        log = workspace.queue_dir / "zygote.log"
        environment = dict(os.environ)
        self._used = time.monotonic()
        self._is_spare = False
        self._warm_used = self._used
        self._bare = ZygoteClient([FINISH], environment, log)
        self._warm = ZygoteClient([FINISH, WARMUP], build_spec.single_threaded(environment), log)

    @property
    def zygotes(self) -> list[ZygoteClient]:
        """The zygotes that there are now."""
        return [zygote for zygote in (self._bare, self._warm) if zygote.is_started]

    def start(self) -> None:
        """Start both zygotes; they get ready while the daemon goes on."""
        for zygote in (self._bare, self._warm):
            zygote.start()

    def is_release_due(self) -> bool:
        """Return whether something has been idle for so long that it may go."""
        now = time.monotonic()
        if self._is_spare and now - self._used > SPARE_SECONDS:
            return True
        return self._warm.is_started and now - self._warm_used > WARM_SECONDS

    def release_idle(self) -> None:
        """Let idle supervisors go, and the warm zygote after a while; the next run starts it again."""
        for zygote in self.zygotes:
            zygote.release()
        # Those still at work are asked again later.
        self._used, self._is_spare = time.monotonic(), any(zygote.has_supervisors for zygote in self.zygotes)
        if time.monotonic() - self._warm_used > WARM_SECONDS:
            self._warm.close()

    def close(self) -> None:
        """Let both zygotes end. The runs go on."""
        for zygote in self.zygotes:
            zygote.close()

    def launch(self, launch: Launch, attempt_dir: Path) -> None:
        """Write the attempt's spec and ask for a supervisor. Raises StillRuns, RunForgeError or OSError."""
        job, token = launch.job, launch.ref.token
        run_dir = self._workspace.root / job.run_dir
        refuse_link(run_dir)
        request = read_request(run_dir / "request.json")
        earlier_life.set_aside(self._workspace, job, token)
        build_spec.make_attempt(attempt_dir)
        outputs.archive(self._workspace, job)
        terms = Terms(
            gpus=self._gpus.found.total,
            devices=tuple(self._gpus.known[uuid] for uuid in launch.grant.uuids),
            threads=self._threads,
            umask=self._umask,
            dry_run_seconds=job.dry_run_seconds,
            objective=_objective(launch.group),
        )
        place = Place(job.run_id, job.attempt, token, self._workspace.root, run_dir, attempt_dir)
        path, digest = build_spec.write_spec(build_spec.build_spec(request, place, terms), request)
        zygote = self._zygote(is_command=build_spec.is_command(request, terms))
        self._number += 1
        zygote.submit(self._number, path, digest)
        self._asked[self._number] = _Asked(token, zygote)

    def _zygote(self, *, is_command: bool) -> ZygoteClient:
        """Return the zygote for a run, started."""
        zygote = self._bare if is_command else self._warm
        if not zygote.is_started:
            zygote.start()
        self._used = time.monotonic()
        self._is_spare = True
        if zygote is self._warm:
            self._warm_used = self._used
        return zygote

    def answers(self) -> Iterable[tuple[str, Reply]]:
        """Yield the supervisors that have come to be, and the ones that could not, by their attempt's token."""
        for zygote in self.zygotes:
            for reply in zygote.replies():
                asked = self._asked.pop(reply.id, None)
                if asked is not None:
                    yield asked.token, reply
                elif reply.handle is not None:
                    os.close(reply.handle)

    def orphaned_launches(self) -> list[str]:
        """Give up on dead zygotes; return the tokens of the attempts that they left unanswered."""
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


def _objective(group: Group | None) -> tuple[str, str] | None:
    if group is None or group.objective_metric is None:
        return None
    return group.objective_metric, group.direction
