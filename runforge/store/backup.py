"""Makes copies of the journal while it is in use. A copy can replace the journal."""

from __future__ import annotations

import os

from runforge import failpoints
from runforge.files.durable import TEMPORARY_PREFIX, fsync_dir, fsync_file
from runforge.store.failures import explained
from runforge.store.sqlite import sqlite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.paths import Path


def copy(connection: Any, target: Path) -> None:
    """Write what the connection sees to a file, all or nothing; an existing file is replaced.

    Raises OSError or DiskFull, and leaves no file then.
    """
    temporary = target.with_name(f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}")
    try:
        with explained(target):
            connection.execute("VACUUM INTO ?", (str(temporary),))
            # A copy is not in WAL mode. With WAL mode it can replace the journal as it is.
            made = sqlite.connect(str(temporary), isolation_level=None)
            try:
                made.execute("PRAGMA journal_mode=WAL").fetchall()
            finally:
                made.close()
        os.chmod(temporary, 0o600)
        fsync_file(temporary)
        failpoints.hit("migrate.backup_written")
        os.replace(temporary, target)
        fsync_dir(target.parent)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
