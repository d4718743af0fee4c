"""The daemon's engine in the test's own process, with real zygotes, supervisors and runs."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from runforge.daemon.log import log
from runforge.daemon.loop import Descriptors
from runforge.daemon.main import local_engine, take_over
from runforge.daemon.settings import Listener, Settings
from runforge.drills.plans import plan, request
from runforge.queue.submit import enqueue_sweep
from runforge.store.journal import Journal
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.workspace import Workspace
from tests.conftest import wait_until


class Daemon:
    """The engine with real supervisors, in this process."""

    def __init__(self, ws: Workspace, journal: Journal) -> None:
        self.ws = ws
        settings = Settings(2, 0, "requeue")
        quiet = Listener(lambda _job: None, lambda _job, _ending: None, log)
        epoch = take_over(journal, settings)
        self.descriptors = Descriptors()
        self.engine = local_engine(ws, journal, epoch, settings, quiet, self.descriptors, umask=0o077)
        self.engine.start()

    def round(self) -> None:
        self.engine.tick()
        self.descriptors.wait(0.02)

    def until(self, condition: Callable[[], object], what: str) -> None:
        def holds() -> object:
            self.round()
            return condition()

        wait_until(holds, what, 30.0)

    def states(self) -> list[str]:
        return [job.state for job in lists.jobs(self.ws)]


@pytest.fixture
def daemon(ws: Workspace) -> Iterator[Daemon]:
    with open_journal(ws, create=True) as journal:
        made = Daemon(ws, journal)
        yield made
        made.engine.close()
        made.descriptors.close()


def enqueue(ws: Workspace, *seconds: float) -> None:
    command = ["/bin/sh", "-c", "sleep $0", "{seconds}"]
    base = request(family="command", command=command, hyperparameters={"seconds": 0})
    runs = [{"model.hyperparameters.seconds": value} for value in seconds]
    document = plan(ws.root, base, {"type": "list", "runs": runs}, name="hung")
    enqueue_sweep(ws, json.dumps(document).encode(), where="plan")
