"""The one place that imports SQLite.

pysqlite3 has a SQLite without the WAL-reset bug. Without a wheel of it, the standard library's module is
used. Two SQLite libraries on one file in one process break its locks, so nothing else may import `sqlite3`
for the journal (tests/test_layers.py checks this).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

try:
    import pysqlite3 as _sqlite
except ImportError:  # pragma: no cover - platforms without a wheel
    import sqlite3 as _sqlite

sqlite: Any = _sqlite
VERSION: tuple[int, ...] = sqlite.sqlite_version_info
SQLiteError: type[Exception] = sqlite.Error
OperationalError: type[Exception] = sqlite.OperationalError
IntegrityError: type[Exception] = sqlite.IntegrityError
DatabaseError: type[Exception] = sqlite.DatabaseError
#: Seconds that a command waits for its turn to write before it gives up.
WRITE_TIMEOUT = 30.0


def is_fixed() -> bool:
    """Return whether this SQLite is free of the WAL-reset bug (sqlite.org/wal.html#walresetbug)."""
    major_minor, patch = VERSION[:2], VERSION[2]
    if major_minor == (3, 44):
        return patch >= 6
    if major_minor == (3, 50):
        return patch >= 7
    return VERSION >= (3, 51, 3)


def connect(path: Path) -> Any:
    """Return a connection that waits for its turn and syncs every commit."""
    connection = sqlite.connect(str(path), timeout=WRITE_TIMEOUT, isolation_level=None)
    connection.row_factory = sqlite.Row
    for pragma in (
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        "PRAGMA wal_autocheckpoint=0",
        "PRAGMA recursive_triggers=OFF",
    ):
        connection.execute(pragma)
    return connection
