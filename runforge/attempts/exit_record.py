"""The exit record: the one proof of how an attempt ended.

Its 4 KiB are allocated before the run starts and overwritten in place at its end, so that a full disk cannot
lose the outcome. A torn, damaged or foreign record counts as missing.
"""

from __future__ import annotations

import errno
import json
import os
import zlib
from pathlib import Path

from runforge.attempts.json_fields import Fields
from runforge.core.outcome import ExitRecord
from runforge.files.durable import read_if_there, write_atomic

NAME = "exit.rec"
SIZE = 4096
_CUT = "..."
#: Most bytes for the reason of a failed start. In JSON a letter may take twelve bytes; the rest fits beside
#: it.
_MESSAGE = 3000
#: The fields that came later, with what their absence means.
_LATER = {
    name: ExitRecord._field_defaults[name]
    for name in (
        *("spawn_errno", "timed_out", "stalled", "stopped", "peak_rss_mb", "cpu_seconds"),
        *("yielded", "finished", "checkpoint_changed", "last_step"),
    )
}


def preallocate(attempt_dir: Path) -> int:
    """Create the record's file full of zeros; return its descriptor. OSError if there is no room.

    Not synced: after a power cut, zeros and a missing record mean the same.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    descriptor = os.open(attempt_dir / NAME, flags, 0o600)
    if os.write(descriptor, bytes(SIZE)) != SIZE:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(attempt_dir / NAME))
    return descriptor


def write(descriptor: int, record: ExitRecord) -> None:
    """Overwrite the record in place and sync it. From now on the attempt's end is known."""
    os.pwrite(descriptor, _encoded(record), 0)
    os.fsync(descriptor)


def write_beside(attempt_dir: Path, record: ExitRecord) -> None:
    """Write the record beside the attempt's folder, if nothing can be written in that any more."""
    write_atomic(_beside(attempt_dir), _encoded(record))


def _beside(attempt_dir: Path) -> Path:
    return attempt_dir.with_name(f"{attempt_dir.name}.{NAME}")


def _encoded(record: ExitRecord) -> bytes:
    values = record._asdict()
    for name, usual in _LATER.items():
        if values[name] == usual:
            del values[name]  # an older daemon does not know this field
    if record.spawn_error is not None:
        values["spawn_error"] = _fitting(record.spawn_error)
    body = json.dumps(values).encode("ascii")
    line = b"%08x " % zlib.crc32(body) + body + b"\n"
    return line.ljust(SIZE, b"\0")


def _fitting(message: str) -> str:
    """Shorten a message in the middle: the reason at its end stays. A record above SIZE would be torn."""
    while (excess := len(json.dumps(message)) - _MESSAGE) > 0:
        # A letter takes at most twelve bytes, so at least this many have to go.
        cut = max(1, excess // 12) + len(_CUT)
        middle = len(message) // 2
        message = message[: middle - cut // 2] + _CUT + message[middle + cut - cut // 2 :]
    return message


def read(attempt_dir: Path, token: str) -> ExitRecord | None:
    """Return the attempt's record; None if there is no complete one with this token.

    OSError if it cannot be read now.
    """
    for path in (attempt_dir / NAME, _beside(attempt_dir)):
        data = read_if_there(path, SIZE)
        record = _parse(data.split(b"\n", 1)[0], token) if data is not None else None
        if record is not None:
            return record
    return None


def _parse(line: bytes, token: str) -> ExitRecord | None:
    checksum, _, body = line.partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        record = _record(Fields(json.loads(body)))
    except (ValueError, RecursionError):
        return None
    return record if record.token == token else None


def _record(fields: Fields) -> ExitRecord:
    return ExitRecord(
        token=fields.text("token"),
        exit_code=fields.optional("exit_code", fields.byte),
        signal=fields.optional("signal", fields.byte),
        canceled=fields.flag("canceled"),
        oom=fields.flag("oom"),
        spawn_error=fields.optional("spawn_error", fields.text),
        started_at=fields.text("started_at"),
        finished_at=fields.text("finished_at"),
        duration_ms=fields.whole("duration_ms"),
        log_bytes=fields.whole("log_bytes"),
        dropped_bytes=fields.whole("dropped_bytes"),
        spawn_errno=fields.optional("spawn_errno", fields.whole),
        timed_out=fields.optional("timed_out", fields.number),
        peak_rss_mb=fields.optional("peak_rss_mb", fields.number),
        cpu_seconds=fields.optional("cpu_seconds", fields.number),
        stalled=fields.optional("stalled", fields.number),
        stopped=bool(fields.optional("stopped", fields.flag)),
        yielded=bool(fields.optional("yielded", fields.flag)),
        finished=bool(fields.optional("finished", fields.flag)),
        checkpoint_changed=fields.optional("checkpoint_changed", fields.flag),
        last_step=fields.optional("last_step", fields.number),
    )
