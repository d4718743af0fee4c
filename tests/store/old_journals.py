"""Journals as older versions wrote them, and the way back to them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runforge.store import migrate, replay
from runforge.store.sqlite import sqlite
from runforge.workspace import Workspace

#: Written by RunForge 0.5.0 itself, then dumped: runs in every state, six of them running, four of these on GPU slots
#: (two share a device, one has its own, one has none), a paused group, a retry's second attempt, a wish to cancel.
_FIRST = Path(__file__).parent / "journal-001.sql"
#: Written by the code of version 2, then dumped: several devices and needs, a held, a delayed and a moved run, an open
#: group, one that failed fast.
_SECOND = Path(__file__).parent / "journal-002.sql"


def of_version_1(ws: Workspace) -> Path:
    """Put the journal that version 1 wrote into a workspace, with the folders of its runs."""
    return _put(ws, _FIRST)


def of_version_2(ws: Workspace) -> Path:
    """Put the journal that version 2 wrote into a workspace, with the folders of its runs."""
    return _put(ws, _SECOND)


def _put(ws: Workspace, dump: Path) -> Path:
    ws.prepare()
    connection = sqlite.connect(str(ws.journal), isolation_level=None)
    connection.executescript(dump.read_text("utf-8"))
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    for (folder,) in connection.execute("SELECT run_dir FROM jobs").fetchall():
        (ws.root / folder).mkdir(parents=True, exist_ok=True)
    connection.close()
    return ws.journal


def bring_back(path: Path, version: int) -> None:
    """Turn a closed journal of the newest version into one of version 1, 2 or 6 with the same rows."""
    older = path.with_name("older.db")
    connection = sqlite.connect(str(older), isolation_level=None)
    for file in migrate.FILES[:version]:
        connection.executescript(file.read_text("utf-8"))
    connection.execute("ATTACH ? AS now", (str(path),))
    triggers = connection.execute(
        "SELECT name, sql FROM main.sqlite_schema WHERE type = 'trigger'"
    ).fetchall()
    for name, _ in triggers:
        connection.execute(f"DROP TRIGGER {name}")
    newer = ("shapes", "lane_shapes", "slots", "device_grants") if version > 1 else ()
    newer += ("resources",) if version > 3 else ()
    for table in ("lanes", "groups", "jobs", "attempts", "daemon", "journal", *newer):
        _copy(connection, table)
    if version < 3:
        told = ", ".join(f"'$.{name}'" for name in replay.PLAIN)
        connection.execute(
            f"UPDATE journal SET detail = json_remove(detail, {told}) WHERE event = 'enqueued'"
        )
    if version == 1:
        connection.execute("INSERT INTO slots SELECT 'cpu', slot_no, job_id FROM now.slots")
        connection.execute("INSERT INTO slots SELECT 'gpu', slot_no, job_id FROM now.device_grants")
    for _, sql in triggers:
        connection.execute(sql)
    names = ", ".join(f"'{file.stem}'" for file in migrate.FILES[:version])
    connection.executescript(f"""
        CREATE TABLE _sqlite_migrations (id INTEGER PRIMARY KEY, migration_set TEXT, name TEXT, applied_at TEXT);
        CREATE UNIQUE INDEX idx__sqlite_migrations_migration_set_name ON _sqlite_migrations (migration_set, name);
        INSERT INTO _sqlite_migrations SELECT * FROM now._sqlite_migrations WHERE name IN ({names});
        DETACH now; PRAGMA journal_mode=WAL; PRAGMA user_version={version};
    """)
    connection.execute(f"PRAGMA application_id={migrate.APPLICATION_ID}")
    connection.close()
    for suffix in ("-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)
    older.replace(path)


def _copy(connection: Any, table: str) -> None:
    old = [row[1] for row in connection.execute(f"PRAGMA main.table_info({table})").fetchall()]
    made = {
        "requires_gpu": "(SELECT gpus > 0 FROM now.shapes AS s WHERE s.shape_id = now.jobs.shape_id)",
        "gpu_uuid": "json_extract(devices, '$[0]')",
        "queued_cpu": _queued(table, "= 0"),
        "queued_gpu": _queued(table, "> 0"),
        **({"is_paused": "is_closed"} if table == "lane_shapes" and "is_closed" not in old else {}),
        **({"backend": "'local'"} if table == "shapes" else {}),
    }
    values = ", ".join(made.get(name, name) for name in old)
    connection.execute(f"DELETE FROM main.{table}")
    connection.execute(f"INSERT INTO main.{table} ({', '.join(old)}) SELECT {values} FROM now.{table}")


def _queued(table: str, gpus: str) -> str:
    return (
        f"(SELECT count(*) FROM now.full_jobs AS j WHERE j.lane_id = now.{table}.lane_id"
        f" AND j.state = 'queued' AND j.gpus {gpus})"
    )
