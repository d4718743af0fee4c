"""The exit record: the one proof of how an attempt ended.

Its 4 KiB are allocated before the run starts and overwritten in place at its end, so that a full disk
cannot swallow the outcome. Torn, corrupt or foreign is the same as missing.
"""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

NAME = "exit.rec"
SIZE = 4096
_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class ExitRecord:
    """How an attempt ended, as its supervisor saw it."""

    token: str
    exit_code: int | None
    signal: int | None
    canceled: bool
    oom: bool
    spawn_error: str | None
    started_at: str
    finished_at: str
    duration_ms: int
    log_bytes: int
    dropped_bytes: int


def preallocate(attempt_dir: Path) -> int:
    """Create the record's file full of zeros; return its descriptor. OSError if there is no room.

    Not synced: its room is taken when it is written, and after a power cut zeros and no record are the
    same.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(attempt_dir / NAME, flags, 0o600)
    os.write(descriptor, bytes(SIZE))
    return descriptor


def write(descriptor: int, record: ExitRecord) -> None:
    """Overwrite the record in place and sync it: from here on the attempt's end is known."""
    values = asdict(record)
    if values["spawn_error"] is not None:
        values["spawn_error"] = values["spawn_error"][:_MESSAGE]
    body = json.dumps(values).encode("ascii")
    line = b"%08x " % zlib.crc32(body) + body + b"\n"
    os.pwrite(descriptor, line.ljust(SIZE, b"\0"), 0)
    os.fsync(descriptor)


def read(attempt_dir: Path, token: str) -> ExitRecord | None:
    """Return the attempt's record; None if there is no whole one with this token."""
    try:
        descriptor = os.open(attempt_dir / NAME, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        data = os.pread(descriptor, SIZE, 0)
    except OSError:
        return None
    finally:
        os.close(descriptor)
    return _parse(data.split(b"\n", 1)[0], token)


def _parse(line: bytes, token: str) -> ExitRecord | None:
    checksum, _, body = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        record = ExitRecord(**json.loads(body))
    except (ValueError, TypeError):
        return None
    return record if record.token == token else None
