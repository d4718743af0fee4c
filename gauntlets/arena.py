"""The drills' arena with more for the gauntlets: sweeps to watch, and the order of starts."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runforge.drills import arena as drills
from runforge.drills.arena import Unmet, require
from runforge.drills.plans import grid, plan, request
from runforge.drills.traces import parent_of, processes_of

__all__ = ["Arena", "Unmet", "arena", "request", "require"]

_STARTED = re.compile(r"^\[RF:QUEUE=JOB_STARTED \S+ run_id=(\S+?)(?: gpu=true)?\]$", re.MULTILINE)


class Arena(drills.Arena):
    """One workspace and all that runs in it."""

    program = (sys.executable, "-m", "runforge_cli")

    def started(self) -> list[str]:
        """Return run ids in the order of the daemons' start tokens."""
        return [run_id for process in self.daemons for run_id in _STARTED.findall(self.said(process))]

    def kill_runs(self) -> None:
        """Kill every run and its supervisor, like a machine without memory."""
        workers = [pid for pid in processes_of(self.root) if _is_worker(pid)]
        # The supervisors first: they must not see how their runs end.
        for pid in [*{parent_of(worker) for worker in workers}, *workers]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                self.killed.append(pid)

    def sweep(self, count: int, *, name: str, seconds: float = 0.3, device: str = "cpu", **model: Any) -> str:
        """Enqueue a sweep of runs to watch; return the group's id."""
        path = "model.hyperparameters." + ("random_state" if model else "n")
        base = request(seconds=seconds, device=device, **model)
        return self.enqueue(plan(self.root, base, grid(count, path), name=name), count)

    def group_command(self, command: str, group_id: str) -> str:
        """Run a command on a group; return what it printed."""
        return self.run(command, "--group-id", group_id, "--workspace", str(self.root))

    def in_state(self, state: str, group_id: str | None = None) -> int:
        """Return how many jobs queue.json has in a state."""
        return sum(job["state"] == state for job in self.jobs(group_id))

    def until_ended(self, group_id: str, status: str) -> None:
        """Wait until a group has the status that it must end with."""
        self.until(lambda: self.group(group_id)["status"] == status, f"{group_id} is {status}")


@contextlib.contextmanager
def arena() -> Iterator[Arena]:
    """Yield a new arena and delete it afterwards."""
    with drills.arena(Arena, prefix="gauntlet-") as made:
        yield made


def _is_worker(pid: int) -> bool:
    with contextlib.suppress(OSError):
        return b"\0RUNFORGE_RUN_DIR=" in b"\0" + Path(f"/proc/{pid}/environ").read_bytes()
    return False
