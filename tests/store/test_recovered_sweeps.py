"""How a sweep goes on survives a damage; a group of which nobody knows it any more is closed."""

from __future__ import annotations

from pathlib import Path

from runforge.core.study import Study
from runforge.documents import strict_json
from runforge.drills.plans import plan, request
from runforge.queue.submit import enqueue_sweep
from runforge.store import records, studies, verify
from runforge.store.journal import Transaction
from runforge.store.recovery import rebuild, salvage
from runforge.store.sqlite import sqlite
from runforge.workspace import Workspace


def queue(ws: Workspace) -> None:
    space = [{"path": "model.hyperparameters.n", "low": 0, "high": 9}]
    document = plan(ws.root, request(), {"type": "tpe", "number": 5, "parameters": space}, name="lm")
    document["objective"] = {"metric": "loss", "direction": "minimize"}
    enqueue_sweep(ws, strict_json.dump(document), where="plan")


def told(path: Path) -> list[tuple[bool, bool, Study | None]]:
    connection = sqlite.connect(str(path), isolation_level=None)
    connection.row_factory = sqlite.Row
    try:
        assert verify.check_connection(connection) == []
        tx = Transaction(connection)
        groups = [records.group(row) for row in tx.rows("groups.all")]
        return [(g.is_open, g.finished_at is None, studies.of_group(tx, g.group_id)) for g in groups]
    finally:
        connection.close()


def test_a_sweep_goes_on_as_it_was(ws: Workspace) -> None:
    queue(ws)
    fresh = ws.journal.with_name("fresh.db")
    assert rebuild.write(fresh, salvage.read(ws.journal, {})) == []
    assert told(fresh) == told(ws.journal)
    assert told(fresh)[0][0]


def test_a_group_whose_sweep_is_lost_is_closed(ws: Workspace) -> None:
    queue(ws)
    fresh = ws.journal.with_name("fresh.db")
    saved = salvage.read(ws.journal, {})
    saved["sweeps"] = []
    assert rebuild.write(fresh, saved) == []
    assert told(fresh) == [(False, False, None)]
