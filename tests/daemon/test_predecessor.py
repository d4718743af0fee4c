"""A daemon's death is told by its successor, once."""

from __future__ import annotations

import json

import pytest

from runforge import clock
from runforge.daemon.main import take_over
from runforge.daemon.settings import Settings
from runforge.files.durable import write_atomic
from runforge.store.opening import open_journal
from runforge.workspace import Workspace


def successor(ws: Workspace, *, silent: float, state: str = "running") -> list[dict[str, object]]:
    """Take over from a daemon whose last heartbeat was so long ago; return the notices."""
    with open_journal(ws, create=True) as journal:
        take_over(journal, Settings())
        with journal.write() as tx:
            tx.run("journal.set_daemon_state", state=state)
        beat = json.dumps({"last_heartbeat": clock.later(clock.now(), -silent)})
        write_atomic(ws.daemon_json, beat.encode())
        take_over(journal, Settings())
        with journal.read() as tx:
            return [{**json.loads(row["detail"]), "event": row["event"]} for row in tx.rows("outbox.all")]


def test_it_says_for_how_long_nobody_was_there(ws: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    (notice,) = successor(ws, silent=11_400)
    assert notice["event"] == "daemon_gone"
    assert notice["seconds"] == pytest.approx(11_400, abs=5)
    said = capfd.readouterr()
    assert "died; it was gone for 3h10m" in said.out + said.err


def test_a_short_absence_is_in_the_log_alone(ws: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    assert successor(ws, silent=5) == []
    said = capfd.readouterr()
    assert "it was gone for 5s" in said.out + said.err


def test_one_that_was_stopped_has_not_died(ws: Workspace, capfd: pytest.CaptureFixture[str]) -> None:
    assert successor(ws, silent=11_400, state="stopped") == []
    said = capfd.readouterr()
    assert "gone" not in said.out + said.err
