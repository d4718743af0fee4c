"""Migrates a journal to the newest version: with append-only SQL files, a backup first, all or nothing.

sqlite-utils records what was applied. It is imported only when there is something to do, because the import
takes a tenth of a second.
"""

from __future__ import annotations

from runforge import failpoints
from runforge.paths import Path
from runforge.store.failures import JournalUnreadable
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_FOLDER = Path(__file__).parent / "migrations"
FILES = [_FOLDER / name for name in sorted(os.listdir(_FOLDER)) if name.endswith(".sql")]
NEWEST = len(FILES)
#: "RNFG": marks a RunForge journal.
APPLICATION_ID = 0x524E4647


def version(connection: Any) -> int:
    """Return the journal's version, 0 for an empty file; refuse a foreign or newer one."""
    number = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    if owner not in {0, APPLICATION_ID} or (owner == 0 and number > 0):
        raise JournalUnreadable("runforge.db is not a RunForge journal", fix="Move it away")
    if number > NEWEST:
        raise JournalUnreadable(
            f"the journal has version {number}; this RunForge knows versions up to {NEWEST}",
            fix="Upgrade RunForge; nothing was changed",
        )
    return number


def require_newest(connection: Any) -> None:
    """Refuse an old journal that cannot be migrated because it is read-only."""
    number = version(connection)
    if number != NEWEST:
        raise JournalUnreadable(
            f"the journal has version {number}, not {NEWEST}, and cannot be written to migrate it",
            fix="Let a user who may write it run a command of this RunForge, or use the older one",
        )


def migrate(connection: Any, path: Path) -> None:
    """Apply the missing files, each in one transaction. The caller holds the writers' lock.

    Before an existing journal is changed, `runforge.db.bak-<version>` is made beside it.
    """
    before = version(connection)
    if before == NEWEST:
        return
    if before == 0:
        # Cannot be set inside a transaction; harmless to repeat after a crash. A pruned journal can shrink page by page.
        connection.execute("PRAGMA auto_vacuum=INCREMENTAL").fetchall()
        connection.execute("PRAGMA journal_mode=WAL").fetchall()
        failpoints.hit("migrate.wal")
    else:
        from runforge.store import backup

        backup.copy(connection, path.with_name(f"{path.name}.bak-{before}"))
        failpoints.hit("migrate.backed_up")
    from sqlite_utils import Database

    database = Database(connection, execute_plugins=False, recursive_triggers=False)
    # A column with a foreign key cannot be added while keys are checked, and a transaction cannot turn the
    # check off.
    keys = connection.execute("PRAGMA foreign_keys").fetchone()[0]
    connection.execute("PRAGMA foreign_keys=OFF")
    connection.execute("BEGIN IMMEDIATE")
    try:
        _migrations().apply(database)
        connection.execute(f"PRAGMA application_id={APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version={NEWEST}")
        failpoints.hit("migrate.applied")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    finally:
        connection.execute(f"PRAGMA foreign_keys={keys}")
    failpoints.hit("migrate.committed")


def _migrations() -> Any:
    from sqlite_utils import Migrations

    migrations = Migrations("runforge")
    for file in FILES:
        migrations(name=file.stem)(_applier(file))
    return migrations


def _applier(file: Path) -> Any:
    def apply(database: Any) -> None:
        database.executescript(file.read_text("utf-8"))

    apply.__name__ = file.stem
    return apply
