"""Killed at any moment of a migration: the journal is of the old version or of the new one, the backup whole or none."""

from __future__ import annotations

import itertools
import os
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from gauntlets.failpoints import one_more_migration
from runforge import workspace as workspaces
from runforge.cli import samples
from runforge.queue import submit
from runforge.store import migrate, opening, verify
from runforge.store.opening import open_journal
from runforge.store.sqlite import sqlite
from runforge.workspace import Workspace
from tests.store import old_journals

pytestmark = pytest.mark.slow
#: More than this many statements make the newest version out of version 1.
_STATEMENTS = 50
_KILLS = 10
_RUNS = 200
#: Work enough for a kill to fall into it: into the backup, and into the migration.
_BALLAST = """
CREATE TABLE {name} (text TEXT NOT NULL) STRICT;
INSERT INTO {name} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
    SELECT hex(randomblob(60)) FROM n;
"""
_MORE = _BALLAST.format(name="padding") + "ALTER TABLE jobs ADD COLUMN later TEXT;"


def in_child(step: Callable[[], object], seconds: float = 0.0) -> int:
    """Run a step in its own process, killed by the kernel after this many seconds; return its wait status."""
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            signal.signal(signal.SIGALRM, signal.SIG_DFL)
            signal.setitimer(signal.ITIMER_REAL, seconds)
            step()
            code = 0
        finally:
            os._exit(code)
    return os.waitpid(pid, 0)[1]


def fill(ws: Workspace) -> None:
    axis = {"path": "model.hyperparameters.C", "values": [i + 1 for i in range(_RUNS)]}
    strategy = {"type": "grid", "parameters": [axis]}
    plan = {**samples.plan(str(ws.root)), "strategy": strategy}
    submit.enqueue_sweep(ws, samples.encode(plan), where="plan.json")
    with open_journal(ws) as journal:
        journal.connection.executescript(_BALLAST.format(name="ballast"))
        journal.checkpoint()


def look(path: Path) -> tuple[int, int, int]:
    """Return a journal's version, how many jobs it has, and how many columns and tables the migration has made."""
    connection = sqlite.connect(str(path), isolation_level=None)
    try:
        assert connection.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        jobs = connection.execute("SELECT count(*) FROM jobs").fetchone()[0]
        tables = "SELECT count(*) FROM sqlite_schema WHERE name IN ('later', 'padding')"
        columns = "SELECT count(*) FROM pragma_table_info('jobs') WHERE name = 'later'"
        made = connection.execute(f"SELECT ({tables}) + ({columns})").fetchone()[0]
        return version, jobs, made
    finally:
        connection.close()


def migrated(ws: Workspace, seconds: float = 0.0) -> int:
    return in_child(lambda: open_journal(ws).close(), seconds)


def opened(ws: Workspace, look: Callable[[str], None]) -> None:
    """Open the journal, which migrates it, and show each statement before it is done."""

    def traced(path: Path) -> Any:
        connection = connect(path)
        connection.set_trace_callback(look)
        return connection

    connect = opening.connect
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(opening, "connect", traced)
        open_journal(ws).close()


def killed_before(ws: Workspace, number: int) -> None:
    """Open the journal in a child that dies before its statement of this number, the first is 0."""
    seen = itertools.count()

    def look(_sql: str) -> None:
        if next(seen) == number:
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(lambda: opened(ws, look)) == signal.SIGKILL


def test_killed_before_any_statement_a_journal_of_version_1_is_old_or_new(tmp_path: Path) -> None:
    import sqlite_utils  # noqa: F401 - before the children, which need not import it one by one

    ws = workspaces.at(tmp_path)
    old_journals.of_version_1(ws)
    backup = ws.journal.with_name(f"{ws.journal.name}.bak-1")
    image, statements = ws.journal.read_bytes(), list[str]()
    opened(ws, statements.append)
    begin, commit = statements.index("BEGIN IMMEDIATE"), statements.index("COMMIT")
    assert commit - begin > _STATEMENTS
    before, after = (1, 21), (migrate.NEWEST, 21)
    for number in range(len(statements)):
        if begin + 5 < number < commit - 5 and number % 8:
            continue  # within the transaction the disk is as it was
        for path in ws.journal.parent.glob("*runforge.db*"):
            path.unlink()
        ws.journal.write_bytes(image)
        killed_before(ws, number)
        found = look(ws.journal)[:2], look(backup)[:2] if backup.exists() else None
        is_backed_up = backup.exists()
        assert found == (after if number > commit else before, before if is_backed_up else None)
        assert is_backed_up or number < begin
        assert verify.check(ws) == []
        assert look(backup)[:2] == before


def test_killed_at_any_moment_the_journal_is_old_or_new_and_its_backup_whole(
    ws: Workspace, tmp_path: Path
) -> None:
    assert in_child(lambda: fill(ws)) == 0
    old, dice = migrate.NEWEST, Random(8)
    before, after = (old, _RUNS, 0), (old + 1, _RUNS, 3)

    def copy() -> Workspace:
        target = tmp_path / "copy"
        shutil.rmtree(target, ignore_errors=True)
        (target / ".runforge").mkdir(parents=True)
        shutil.copy(ws.journal, target / ".runforge")
        return workspaces.at(target)

    with one_more_migration(tmp_path, _MORE):
        there, start = copy(), time.monotonic()
        assert migrated(there) == 0
        took = time.monotonic() - start
        found = []
        for _ in range(_KILLS):
            there = copy()
            migrated(there, dice.uniform(0.02, 1.0) * took)
            backup = there.journal.with_name(f"{there.journal.name}.bak-{old}")
            found.append((look(there.journal), look(backup) if backup.exists() else None))
            assert migrated(there) == 0
            assert look(there.journal) == after
    assert set(found) <= {(before, None), (before, before), (after, before)}
    assert len(set(found)) > 1
