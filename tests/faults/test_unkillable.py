"""A lost run of which something cannot be killed keeps its slot, and only its own, until that is gone."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runforge import survivors, views
from runforge.cli import status
from runforge.daemon import judging
from runforge.daemon.active import Active
from runforge.daemon.engine import Engine, Listener, Settings
from runforge.daemon.main import take_over
from runforge.drills.plans import plan, request
from runforge.enqueue import enqueue_sweep
from runforge.states import State
from runforge.store.connection import Journal, open_journal
from runforge.supervise import claim, judge, os_process
from runforge.workspace import Workspace
from tests.conftest import wait_until


@dataclass
class Hung:
    """Processes that no signal ends: told of at the seam that sweeps."""

    tokens: set[str] = field(default_factory=set)
    sweep: Any = judge.sweep

    def __call__(self, token: str, folder: Path, session: int | None, **options: float) -> judge.Swept:
        if token in self.tokens:
            return judge.Swept(2, [7, 8])
        return self.sweep(token, folder, session, **options)  # type: ignore[no-any-return]


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Hung:
    made = Hung()
    monkeypatch.setattr(judging.judge, "sweep", made)
    return made


class Daemon:
    """The engine with real supervisors, in this process."""

    def __init__(self, ws: Workspace, journal: Journal) -> None:
        self.ws = ws
        settings = Settings(2, 0, "requeue")
        quiet = Listener(lambda _job: None, lambda _job, _ending: None)
        self.engine = Engine(ws, journal, take_over(journal, settings), settings, quiet, umask=0o077)
        self.engine.start()

    def round(self) -> None:
        self.engine.tick()
        for key, _ in self.engine.selector.select(0.02):
            if isinstance(key.data, Active):
                self.engine.supervisor_gone(key.data)

    def until(self, condition: Any, what: str) -> None:
        def holds() -> object:
            self.round()
            return condition()

        wait_until(holds, what, 30.0)

    def states(self) -> list[str]:
        return [job.state for job in views.jobs(self.ws)]


@pytest.fixture
def daemon(ws: Workspace) -> Iterator[Daemon]:
    with open_journal(ws, create=True) as journal:
        made = Daemon(ws, journal)
        yield made
        made.engine.close()


def enqueue(ws: Workspace, *seconds: float) -> None:
    command = ["/bin/sh", "-c", "sleep $0", "{seconds}"]
    base = request(family="command", command=command, hyperparameters={"seconds": 0})
    runs = [{"model.hyperparameters.seconds": value} for value in seconds]
    document = plan(ws.root, base, {"type": "list", "runs": runs}, name="hung")
    enqueue_sweep(ws, json.dumps(document).encode(), where="plan")


def test_its_slot_is_kept_the_others_go_on_and_it_is_told(
    ws: Workspace, daemon: Daemon, hung: Hung, capsys: pytest.CaptureFixture[str]
) -> None:  # F57
    enqueue(ws, 60, 0.1, 0.1)
    first = views.jobs(ws)[0]
    folder = ws.attempt_dir(first.run_id, 1)
    daemon.until(lambda: claim.read(folder), "the first is claimed")
    owner = claim.read(folder)
    assert owner is not None
    hung.tokens.add(owner.token)
    os.kill(owner.pid, signal.SIGKILL)
    daemon.until(lambda: survivors.read(folder), "what is left is noted")
    daemon.until(lambda: daemon.states()[1:] == ["succeeded", "succeeded"], "the others go on")
    assert daemon.states()[0] == State.RUNNING.value
    summary = views.queue_summary(ws)
    assert summary.slots_used == 1
    assert summary.running[0].waiting == "survivors"
    shown = views.run(ws, first.run_id).job.waiting_text
    assert shown is not None
    assert "its processes 7, 8 cannot be killed" in shown
    status.show(ws, as_json=False)
    said = capsys.readouterr()
    assert "cannot be killed" in said.out
    assert said.err.count("is lost; its processes 7, 8 cannot be killed") == 1
    hung.tokens.clear()
    daemon.until(lambda: views.jobs(ws)[0].attempt == 2, "it has ended and is tried again")
    assert survivors.read(folder) == []
    assert not os_process.marked(owner.token, folder / judge.TREE_LOCK, None)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1, true]", b'["1"]', b"[" * 9000])
def test_a_note_that_is_no_list_of_processes_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "survivors").write_bytes(data)
    assert survivors.read(tmp_path) == []
