"""A lost run whose processes cannot be killed keeps its slot, and only that, until they are gone."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from runforge.attempts import cleanup, start_marker, unkillable
from runforge.cli import status
from runforge.core.states import State
from runforge.machine import os_process
from runforge.views import glance, lists
from runforge.workspace import Workspace
from tests.faults.kit import Daemon, daemon, enqueue

__all__ = ["daemon"]


@dataclass
class Hung:
    """Processes that no signal ends, faked where processes are cleaned up."""

    tokens: set[str] = field(default_factory=set)
    clean_up: Any = cleanup.clean_up

    def __call__(self, token: str, folder: Path, session: int | None, **options: float) -> cleanup.Cleaned:
        if token in self.tokens:
            return cleanup.Cleaned(2, [7, 8])
        return self.clean_up(token, folder, session, **options)  # type: ignore[no-any-return]


@pytest.fixture
def hung(monkeypatch: pytest.MonkeyPatch) -> Hung:
    made = Hung()
    monkeypatch.setattr(cleanup, "clean_up", made)
    return made


def test_its_slot_is_kept_the_others_go_on_and_it_is_told(
    ws: Workspace, daemon: Daemon, hung: Hung, capsys: pytest.CaptureFixture[str]
) -> None:  # F57
    enqueue(ws, 60, 0.1, 0.1)
    first = lists.jobs(ws)[0]
    folder = ws.attempt_dir(first.run_id, 1)
    daemon.until(lambda: start_marker.read(folder), "the first is claimed")
    owner = start_marker.read(folder)
    assert owner is not None
    hung.tokens.add(owner.token)
    os.kill(owner.pid, signal.SIGKILL)
    daemon.until(lambda: unkillable.read(folder), "what is left is noted")
    daemon.until(lambda: daemon.states()[1:] == ["succeeded", "succeeded"], "the others go on")
    assert daemon.states()[0] == State.RUNNING.value
    summary = glance.queue_summary(ws)
    assert summary.slots_used == 1
    assert summary.running[0].waiting == "survivors"
    shown = lists.run(ws, first.run_id).job.waiting_text
    assert shown is not None
    assert "its processes 7, 8 cannot be killed" in shown
    status.show(ws, as_json=False)
    said = capsys.readouterr()
    assert "cannot be killed" in said.out
    assert said.err.count("is lost; its processes 7, 8 cannot be killed") == 1
    hung.tokens.clear()
    daemon.until(lambda: lists.jobs(ws)[0].attempt == 2, "it has ended and is tried again")
    assert unkillable.read(folder) == []
    assert not os_process.marked(owner.token, folder / cleanup.TREE_LOCK, None)


@pytest.mark.parametrize("data", [b"", b"{}", b"[1, true]", b'["1"]', b"[" * 9000])
def test_a_note_that_is_no_list_of_processes_is_none(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "survivors").write_bytes(data)
    assert unkillable.read(tmp_path) == []
