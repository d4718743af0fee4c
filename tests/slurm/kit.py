"""The engine over Slurm in the test's own process, with runs whose witness notes each start."""

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
from runforge.drills import invariants, witness
from runforge.drills.plans import plan
from runforge.drills.scene import base_request, run
from runforge.exports.exporter import Exporter
from runforge.queue.submit import enqueue_sweep
from runforge.store import records
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.workspace import Workspace
from tests.conftest import wait_until

OPTIONS = SlurmOptions(poll_seconds=5.0, fence_seconds=2.0)
#: A run that goes on until it is ended. Whichever of its processes hears of that first, it does not end by itself.
FOR_EVER = (9999, 0, "beating")
_LONG = 180.0


class Queue:
    """A workspace with a daemon's engine, which can be thrown away and made again."""

    def __init__(self, ws: Workspace, options: SlurmOptions, slots: int) -> None:
        self.ws = ws
        self.witness = ws.root.parent / "witness.txt"
        self.settings = Settings(slots, slurm=options)
        self.said: list[str] = []
        self.acknowledged: list[str] = []
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

        try:
            wait_until(holds, what, _LONG)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self._known()}") from None

    def _known(self) -> str:
        """Return what is known of the runs, for a test that has waited in vain."""
        return "\n".join([*map(repr, self.jobs()), *map(repr, self.attempts()), *self.said])

    def until_over(self) -> None:
        """Wait until all runs have ended."""
        self.until(lambda: {"queued", "running"}.isdisjoint(self.states()), "all have ended")

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

    def causes(self) -> list[str | None]:
        """Return why each attempt has ended."""
        return [attempt.cause for attempt in self.attempts()]

    def enqueue(
        self, *runs: tuple[float, int] | tuple[float, int, str], name: str = "some", **more: Any
    ) -> str:
        """Queue a sweep of runs, each with its seconds, its exit code and its kind (see witness); return its group.

        `more` is of the request.
        """
        values = [run(*each) for each in runs]
        document = plan(
            self.ws.root,
            {**base_request(self.witness), **more},
            {"type": "list", "runs": values},
            name=name,
            max_parallel=self.settings.max_parallel,
        )
        made = enqueue_sweep(self.ws, json.dumps(document).encode(), where="plan")
        self.acknowledged = [job.run_id for job in self.jobs()]
        return made.group_id

    def starts(self) -> dict[str, list[int]]:
        """Return the attempts that have started, by run."""
        seen = witness.read(self.witness)
        return {
            run_id: [number for number, one in each.items() for _ in range(one.starts)]
            for run_id, each in seen.items()
        }

    def folder(self, job: Job) -> Path:
        return self.ws.attempt_dir(job.run_id, job.attempt)

    def check(self) -> None:
        """Require that no invariant is broken (see docs/reliability.md)."""
        self.until(lambda: not self.engine.active_jobs, "nothing is running")
        Exporter(self.ws, self.journal).write()
        assert not invariants.check(self.ws, self.witness, acknowledged=self.acknowledged)


@contextlib.contextmanager
def queue(ws: Workspace, options: SlurmOptions = OPTIONS, slots: int = 8) -> Iterator[Queue]:
    made = Queue(ws, options, slots)
    try:
        yield made
    finally:
        made.close()
