"""Starts attempts: writes folder and spec, then asks a zygote for a supervisor. A pilot has the zygotes alone.

There are two zygotes. The bare one is for commands: a fork takes half a millisecond. The warm one has
imported scikit-learn, which saves each training run more than a second of CPU time.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from runforge.attempts import build_spec
from runforge.backends import preparing
from runforge.backends.base import Launch
from runforge.backends.local.zygote_client import Reply, ZygoteClient
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


class Zygotes:
    """Gives attempts to the two zygotes and returns their answers; `node` is what those of a pilot are told."""

    def __init__(self, log: Path, node: Sequence[str] = ()) -> None:
        self._asked: dict[int, _Asked] = {}
        self._number = 0
        self._dead: list[ZygoteClient] = []
        own = dict(os.environ)
        self._used = time.monotonic()
        self._is_spare = False
        self._warm_used = self._used
        self._bare = ZygoteClient([FINISH], own, log, node=node)
        self._warm = ZygoteClient([FINISH, WARMUP], build_spec.single_threaded(own), log, KEPT, node)

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

    def give(self, token: str, spec: Path, digest: str, *, is_command: bool) -> None:
        """Ask for a supervisor of an attempt. Raises OSError."""
        zygote = self._zygote(is_command=is_command)
        self._number += 1
        zygote.submit(self._number, spec, digest)
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


class Launcher(Zygotes):
    """The zygotes of a daemon's own machine, and what their attempts need first."""

    def __init__(self, workspace: Workspace, gpus: GpuWatch, *, max_parallel: int, umask: int) -> None:
        super().__init__(workspace.queue_dir / "zygote.log")
        self._workspace = workspace
        self._gpus = gpus
        self._queue = gpu_lease.queue_of(workspace.journal)
        self._threads = build_spec.threads_per_run(max_parallel)
        self._umask = umask

    def launch(self, launch: Launch, attempt_dir: Path) -> None:
        """Write the attempt's spec and ask for a supervisor. Raises StillRuns, RunForgeError or OSError."""
        written = preparing.write(
            self._workspace,
            launch,
            attempt_dir,
            gpus=self._gpus.found.total,
            devices=tuple(self._gpus.known[uuid] for uuid in launch.grant.uuids),
            threads=self._threads,
            umask=self._umask,
            queue=self._queue,
        )
        self.give(launch.ref.token, written.path, written.digest, is_command=written.is_command)
