"""What a daemon tells of its cluster although it launches is told by every screen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from runforge.cli.status import print_summary
from runforge.daemon.lock import DaemonLock
from runforge.exports.documents import daemon_document
from runforge.exports.list_blocks import encode
from runforge.store import records
from runforge.store.opening import open_journal
from runforge.tui.bars import daemon_warning
from runforge.views import glance, why, why_words
from runforge.workspace import Workspace
from tests.tui.kit import enqueue

_NOTE = "no more pilots: 3 in a row ended before they did a run (Slurm says FAILED)"


@pytest.fixture
def told(ws: Workspace) -> Iterator[Workspace]:
    """A workspace with a queued run and a live daemon that tells it."""
    enqueue(ws, runs=1)
    lock = DaemonLock.take(ws)
    with open_journal(ws) as journal, journal.read() as tx:
        row = records.daemon(tx.row("journal.daemon"))
    about = {"jobs": 0, "gpu_jobs": 0, "state": "running", "gpu_problem": None}
    document = daemon_document(row, heartbeat="2026-01-01T00:00:00.000Z", **about, backend_note=_NOTE)  # type: ignore[arg-type]
    ws.daemon_json.write_bytes(encode(document))
    yield ws
    lock.release()


def test_every_screen_tells_it(told: Workspace, capsys: pytest.CaptureFixture[str]) -> None:
    summary = glance.queue_summary(told)
    print_summary(summary)
    assert f"Slurm    {_NOTE}" in capsys.readouterr().out
    assert summary.to_json()["daemon"]["backend_note"] == _NOTE
    run, whole = why.why(told, ["1"])[0], why.why(told, [])[0]
    assert f"Slurm: {_NOTE}" in why_words.lines(run)
    assert f"Slurm: {_NOTE}" in why_words.lines(whole)
    live = summary.daemon._replace(state="running")
    nothing: Any = None  # it is asked for nothing while a daemon runs
    assert daemon_warning(live, nothing) == f"Slurm: {_NOTE}"
