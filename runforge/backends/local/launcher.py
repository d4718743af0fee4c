"""Starting attempts: folder and spec durable, then a supervisor from a zygote.

Two zygotes: a bare one for commands, where a fork costs half a millisecond, and a warm one that has
scikit-learn imported, which saves each training run more than a second of CPU.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from runforge.attempts import build_spec, outputs
from runforge.attempts.build_spec import Place, Terms
from runforge.backends.local.zygote_client import Reply, ZygoteClient
from runforge.core.records import Group
from runforge.daemon.attempt_table import Active
from runforge.documents.request_file import read_request
from runforge.files.durable import refuse_link
from runforge.machine.gpus import Gpu
from runforge.workspace import Workspace

#: What every supervisor needs, and what training needs on top.
FINISH = "runforge.training.outcome"
WARMUP = "runforge.training.warmup"
#: Supervisors that wait for another attempt are kept this long after the last launch, in seconds.
SPARE_SECONDS = 60.0
#: The warm zygote, with more than a hundred megabytes of modules, is kept this long.
WARM_SECONDS = 600.0


@dataclass(slots=True)
class _Request:
    active: Active
    zygote: ZygoteClient


class Launcher:
    """Hands attempts to the zygotes and their answers back."""

    def __init__(self, workspace: Workspace, *, gpus: int, threads: int, umask: int) -> None:
        self._workspace = workspace
        self._gpus = gpus
        self._threads = threads
        self._umask = umask
        self._asked: dict[int, _Request] = {}
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

    def is_resting_due(self) -> bool:
        """Return whether something has been idle for so long that it may go."""
        now = time.monotonic()
        if self._is_spare and now - self._used > SPARE_SECONDS:
            return True
        return self._warm.is_started and now - self._warm_used > WARM_SECONDS

    def rest(self) -> None:
        """Let idle supervisors go, and the warm zygote after a while; the next run starts it again."""
        for zygote in self.zygotes:
            zygote.dismiss()
        # Those still at work are asked again later.
        self._used, self._is_spare = time.monotonic(), any(zygote.has_supervisors for zygote in self.zygotes)
        if time.monotonic() - self._warm_used > WARM_SECONDS:
            self._warm.close()

    def close(self) -> None:
        """Let both zygotes end. The runs go on."""
        for zygote in self.zygotes:
            zygote.close()

    def launch(self, active: Active, group: Group | None, gpu: Gpu | None) -> None:
        """Write the attempt's spec and ask for a supervisor. Raises RunForgeError or OSError."""
        job = active.job
        run_dir = self._workspace.root / job.run_dir
        refuse_link(run_dir)
        request = read_request(run_dir / "request.json")
        build_spec.make_attempt(active.attempt_dir)
        outputs.put_away(self._workspace, job)
        terms = Terms(
            gpus=self._gpus,
            gpu=gpu,
            threads=self._threads,
            umask=self._umask,
            dry_run_seconds=job.dry_run_seconds,
            objective=_objective(group),
        )
        place = Place(
            job.run_id, job.attempt, active.token, self._workspace.root, run_dir, active.attempt_dir
        )
        path, digest = build_spec.write_spec(build_spec.build_spec(request, place, terms), request)
        zygote = self._bare if build_spec.is_command(request, terms) else self._warm
        if not zygote.is_started:
            zygote.start()
        self._used = time.monotonic()
        self._is_spare = True
        if zygote is self._warm:
            self._warm_used = self._used
        self._number += 1
        zygote.submit(self._number, path, digest)
        self._asked[self._number] = _Request(active, zygote)
        active.is_launching = True

    def answers(self) -> Iterable[tuple[Active, Reply]]:
        """Yield the supervisors that have come to be, and the ones that could not."""
        for zygote in self.zygotes:
            for reply in zygote.replies():
                asked = self._asked.pop(reply.id, None)
                if asked is not None:
                    yield asked.active, reply
                elif reply.handle is not None:
                    os.close(reply.handle)

    def strand(self) -> list[Active]:
        """Give up on dead zygotes; return the attempts that they left unanswered."""
        stranded: list[Active] = []
        self._dead = [zygote for zygote in self.zygotes if not zygote.alive()]
        for zygote in self._dead:
            with contextlib.suppress(OSError):
                zygote.close()
            unanswered = [n for n, asked in self._asked.items() if asked.zygote is zygote]
            stranded += [self._asked.pop(number).active for number in unanswered]
        return stranded

    def revive(self) -> None:
        """Start the dead zygotes again. OSError if the machine has no room for one: a launch starts it then."""
        for zygote in self._dead:
            zygote.start()


def _objective(group: Group | None) -> tuple[str, str] | None:
    if group is None or group.objective_metric is None:
        return None
    return group.objective_metric, group.direction


def attempt_dir(workspace: Workspace, run_id: str, attempt: int) -> Path:
    """Return the folder of an attempt's protocol files."""
    return workspace.attempt_dir(run_id, attempt)
