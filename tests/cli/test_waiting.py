"""Waiting costs nothing while nothing happens, and ends when it is over."""

from __future__ import annotations

from typing import Any

import pytest

from runforge.cli import follow
from runforge.errors import OperationFailed
from runforge.queue import cancel, pause
from runforge.store import opening, queries
from runforge.views import awaited, lists
from runforge.views.awaited import Awaited
from runforge.workspace import Workspace
from tests.cli.conftest import group_of
from tests.cli.terminal import Terminal

_LOOK = "PRAGMA data_version"


@pytest.fixture
def statements(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What SQLite is asked by this process, from now on."""
    asked: list[str] = []
    connect = opening.connect

    def traced(*arguments: Any) -> Any:
        connection = connect(*arguments)
        connection.set_trace_callback(asked.append)
        return connection

    monkeypatch.setattr(opening, "connect", traced)
    return asked


@pytest.mark.parametrize("what", ["group", "run"])
def test_waiting_reads_nothing_while_nothing_changes(
    waiting: Workspace, statements: list[str], what: str
) -> None:
    name = group_of(waiting) if what == "group" else lists.jobs(waiting)[0].run_id
    reads = []
    for seconds in (0.0, 1.0):
        statements.clear()
        with pytest.raises(OperationFailed, match="has not ended"):
            follow.wait([name], None, waiting.root, every=False, timeout=seconds, as_json=False)
        reads.append([text for text in statements if text != _LOOK])
    assert reads[0] == reads[1]
    assert statements.count(_LOOK) > 2
    assert queries.query("groups.all").rstrip(";") not in {text.rstrip(";") for text in reads[0]}


def test_a_look_reads_once_for_each_change_and_tells_of_the_end(
    waiting: Workspace, statements: list[str]
) -> None:
    group_id = group_of(waiting)
    statements.clear()
    with Awaited(waiting, awaited.group(group_id)) as group:
        assert not group.look().paused
        del statements[:]
        pause.pause_group(waiting, group_id)
        del statements[:]
        assert group.look().paused
        assert group.look().paused
        assert len([text for text in statements if text != _LOOK]) == len(("BEGIN", "groups.by_id", "COMMIT"))
        cancel.cancel_group(waiting, group_id)
        assert awaited.has_ended(group.look())
    run_id = lists.jobs(waiting)[0].run_id
    with Awaited(waiting, awaited.job(run_id)) as job:
        assert job.look().state == "canceled"


def test_waiting_ends_when_it_is_over(waiting: Workspace) -> None:
    terminal = Terminal("wait", "--workspace", waiting.root)
    terminal.until("No daemon is running")
    cancel.cancel_group(waiting, group_of(waiting))
    assert terminal.end() == 5
    assert "canceled: 0 succeeded, 0 failed, 14 canceled" in terminal.text
