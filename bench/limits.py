"""The limits of this machine, measured together with the figures: no queue can be faster."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

_TRUE = "/bin/true"


def _rate(action: Callable[[int], object], count: int) -> float:
    start = time.monotonic()
    for number in range(count):
        action(number)
    return count / (time.monotonic() - start)


def spawns_a_second(count: int = 200) -> float:
    """Return how many processes can be started and waited for in a second, one after the other."""
    return _rate(lambda _: os.waitpid(os.posix_spawn(_TRUE, [_TRUE], os.environ), 0), count)


def interpreter_ms(count: int = 10) -> float:
    """Return how long the interpreter takes to start and end."""
    return 1000 / _rate(lambda _: subprocess.run([sys.executable, "-c", ""], check=True), count)


def fsync_ms(count: int = 100) -> float:
    """Return how long it takes to append 4 KiB to a file and sync them."""
    with tempfile.NamedTemporaryFile() as file:

        def append(_: int) -> None:
            os.write(file.fileno(), bytes(4096))
            os.fsync(file.fileno())

        return 1000 / _rate(append, count)


def commit_ms(count: int = 100) -> float:
    """Return how long SQLite takes to commit one row durably."""
    folder = tempfile.mkdtemp(prefix="bench-")
    connection = sqlite3.connect(f"{folder}/x.db", isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL").fetchall()
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("CREATE TABLE t (x)")
    took = 1000 / _rate(lambda n: connection.execute("INSERT INTO t VALUES (?)", (n,)), count)
    connection.close()
    return took


def folders_a_second(count: int = 500) -> float:
    """Return how many folders with a small file in each can be made in a second."""
    folder = tempfile.mkdtemp(prefix="bench-")

    def make(number: int) -> None:
        path = Path(folder) / str(number)
        path.mkdir()
        (path / "request.json").write_bytes(b"{}")

    return _rate(make, count)
