"""The one place that imports SQLite.

pysqlite3 has a SQLite without the WAL-reset bug. Without a wheel of it, the standard library's module is
used. Two SQLite libraries on one file in one process break its locks, so nothing else may import `sqlite3`
for the journal (tests/test_layers.py checks this).
"""

from __future__ import annotations

import sys

from runforge.system import os

TYPE_CHECKING = False  # `typing` and `pathlib` take longer than a short command
if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType
    from typing import Any

_PACKAGE = "pysqlite3"


def _extension() -> ModuleType:
    """Return pysqlite3's extension, or the standard library's: its package adds only what the journal does not use.

    The package takes longer to import than a short command runs. A stand-in has its place meanwhile, so that its own
    import, by sqlite-utils, finds the same extension later: one SQLite library for all.
    """
    folder = next((path for path in sys.path if os.path.isdir(os.path.join(path, _PACKAGE))), None)
    if folder is None or _PACKAGE in sys.modules:
        return _package()
    stand_in = type(sys)(_PACKAGE)
    stand_in.__path__ = [os.path.join(folder, _PACKAGE)]
    sys.modules[_PACKAGE] = stand_in
    try:
        import pysqlite3._sqlite3 as found
    except ImportError:
        found = None
    finally:
        del sys.modules[_PACKAGE]
    return _package() if found is None else found


def _package() -> ModuleType:
    try:
        import pysqlite3 as found
    except ImportError:  # pragma: no cover - platforms without a wheel
        import _sqlite3 as found
    return found  # type: ignore[no-any-return]


sqlite: Any = _extension()
VERSION = tuple(map(int, sqlite.sqlite_version.split(".")))
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


def connect(path: Path | str) -> Any:
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


def connect_read_only(path: str, how: str) -> Any:
    """Return a connection that only reads; `how` is what SQLite's URI says of that."""
    quoted = path.replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    connection = sqlite.connect(f"file://{quoted}?{how}", uri=True, isolation_level=None)
    connection.row_factory = sqlite.Row
    return connection
