"""The engine over Slurm in the test's own process, with runs that leave a file for each start."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from runforge.backends.slurm.options import SlurmOptions
from runforge.core.records import Attempt, Job
from runforge.daemon.loop import Descriptors
from runforge.daemon.main import slurm_engine, take_over
from runforge.daemon.settings import Listener, Settings
from runforge.drills.plans import plan, request
from runforge.queue.submit import enqueue_sweep
from runforge.store import records
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.conftest import wait_until

#: Writes a line for its start, waits, and ends with its code.
_RUN = 'echo "$RUNFORGE_ATTEMPT" >> "$RUNFORGE_WORKSPACE/starts.$RUNFORGE_RUN_ID"; echo "runs on"; sleep $0 || exit; exit $1'
OPTIONS = SlurmOptions(poll_seconds=5.0, fence_seconds=2.0)
_LONG = 120.0


class Queue:
    """A workspace with a daemon's engine, which can be thrown away and made again."""

    def __init__(self, ws: Workspace, options: SlurmOptions, slots: int) -> None:
        self.ws = ws
        self.settings = Settings(slots, slurm=options)
        self.said: list[str] = []
        self.journal: Journal
        self.begin()

    def begin(self) -> None:
        """Start a daemon's engine."""
        self.journal = open_journal(self.ws, create=True)
        listener = Listener(lambda _job: None, lambda _job, _ending: None, self.said.append)
        epoch = take_over(self.journal, self.settings)
        self.descriptors = Descriptors()
        how = self.ws, self.journal, epoch, self.settings, listener, self.descriptors
        assert self.settings.slurm is not None
        self.engine = slurm_engine(*how, umask=0o077, options=self.settings.slurm)
        self.engine.start()

    def close(self) -> None:
        """Let everything go, as a daemon does that ends."""
        self.engine.close()
        self.descriptors.close()
        self.journal.close()

    def again(self) -> None:
        """Replace the daemon by another."""
        self.close()
        self.begin()

    def round(self) -> None:
        self.engine.tick()
        self.descriptors.wait(0.05)

    def until(self, condition: Callable[[], object], what: str) -> None:
        def holds() -> object:
            self.round()
            return condition()

        wait_until(holds, what, _LONG)

    def jobs(self) -> list[Job]:
        with self.journal.read() as tx:
            return [records.job(row) for row in tx.rows("jobs.all")]

    def attempts(self) -> list[Attempt]:
        with self.journal.read() as tx:
            return [records.attempt(row) for row in tx.rows("attempts.all")]

    def states(self) -> list[str]:
        return [job.state.value for job in self.jobs()]

    def shown(self) -> list[str]:
        return [job.shown_state.value for job in self.jobs()]

    def enqueue(self, *runs: tuple[float, int], name: str = "some", **more: Any) -> str:
        """Queue a sweep of runs, each with its seconds and its exit code; return its group. `more` is of the request."""
        base = request(
            family="command",
            command=["/bin/sh", "-c", _RUN, "{seconds}", "{code}"],
            hyperparameters={"seconds": 0, "code": 0},
        )
        base.update(more)
        values = [
            {"model.hyperparameters.seconds": seconds, "model.hyperparameters.code": code}
            for seconds, code in runs
        ]
        document = plan(self.ws.root, base, {"type": "list", "runs": values}, name=name)
        made = enqueue_sweep(self.ws, json.dumps(document).encode(), where="plan")
        return made.group_id

    def starts(self) -> dict[str, list[str]]:
        """Return the attempts that have started, by run."""
        found = {path.name.partition(".")[2]: path for path in self.ws.root.glob("starts.*")}
        return {run_id: path.read_text("utf-8").split() for run_id, path in found.items()}

    def folder(self, job: Job) -> Path:
        return self.ws.attempt_dir(job.run_id, job.attempt)


@contextlib.contextmanager
def queue(ws: Workspace, options: SlurmOptions = OPTIONS, slots: int = 8) -> Iterator[Queue]:
    made = Queue(ws, options, slots)
    try:
        yield made
    finally:
        made.close()
