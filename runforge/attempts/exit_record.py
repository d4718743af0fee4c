"""The exit record: the one proof of how an attempt ended.

Its 4 KiB are allocated before the run starts and overwritten in place at its end, so that a full disk cannot
lose the outcome. A torn, damaged or foreign record counts as missing.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from runforge.attempts import checked_line
from runforge.attempts.json_fields import Fields
from runforge.core.outcome import Begun, ExitRecord, ResultFacts
from runforge.files.durable import open_file, read_bounded, read_if_there, write_atomic

T = TypeVar("T")
NAME = "exit.rec"
SIZE = 4096
#: Behind the record, of an attempt elsewhere: the line by which its supervisor says that it has begun.
BEGUN_SIZE = 512
_CUT = "..."
#: Most bytes for the reason of a failed start. In JSON a letter may take twelve bytes; the rest fits beside
#: it.
_MESSAGE = 3000
#: The same for the result's message beside it, its metric's name, and what a cluster said.
_RESULT_MESSAGE, _METRIC_NAME, _SAID = 1200, 400, 400
#: The fields that came later, with what their absence means.
_LATER = {
    name: ExitRecord._field_defaults[name]
    for name in (
        *("spawn_errno", "timed_out", "stalled", "stopped", "peak_rss_mb", "cpu_seconds"),
        *("yielded", "finished", "checkpoint_changed", "last_step"),
        *("terminated", "said", "result"),
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


def allocate(attempt_dir: Path, *, durable: bool = True) -> None:
    """Make the record's file for a supervisor elsewhere, full of zeros. OSError if there is no room.

    A file system that caches names would hide from this process a file that another machine makes later.
    """
    descriptor = preallocate(attempt_dir)
    try:
        os.pwrite(descriptor, bytes(BEGUN_SIZE), SIZE)
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def is_elsewhere(attempt_dir: Path) -> bool:
    """Return whether an attempt was launched for another machine. OSError if that cannot be seen now."""
    try:
        return os.stat(attempt_dir / NAME, follow_symlinks=False).st_size > SIZE
    except (FileNotFoundError, NotADirectoryError):
        return False


def open_allocated(attempt_dir: Path) -> int:
    """Return a descriptor of the file that `allocate` made. Raises OSError."""
    return open_file(attempt_dir / NAME, os.O_RDWR)


def write_begun(descriptor: int, token: str, begun: Begun) -> None:
    """Note that the attempt has begun, and sync it."""
    line = checked_line.line({**begun._asdict(), "token": token})
    os.pwrite(descriptor, line.ljust(BEGUN_SIZE, b"\0")[:BEGUN_SIZE], SIZE)
    os.fsync(descriptor)


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
    if record.said is not None:
        values["said"] = _fitting(record.said, _SAID)
    if record.result is not None:
        values["result"] = _result(record)
    return checked_line.line(values).ljust(SIZE, b"\0")


def keeps(result: ResultFacts) -> bool:
    """Return whether a record has room for all of a result. The reason of a failure may be long."""
    return result.error_message is None and _has_room(result.metric_name)


def _has_room(name: str | None) -> bool:
    return name is None or len(json.dumps(name)) <= _METRIC_NAME


def _result(record: ExitRecord) -> dict[str, object]:
    """Return the result for the record; a message that the record has already is not repeated."""
    found = record.result._asdict() if record.result is not None else {}
    if found["error_message"] is not None:
        room = _RESULT_MESSAGE if record.spawn_error is None else 0
        found["error_message"] = _fitting(found["error_message"], room) if room else None
    if record.result is not None and not _has_room(record.result.metric_name):
        found["metric_name"] = found["metric_value"] = None  # a part of a name is another metric's
    if found["metric_value"] is not None:
        found["metric_value"] = repr(found["metric_value"])  # it may be negative, or no number at all
    return found


def _fitting(message: str, limit: int = _MESSAGE) -> str:
    """Shorten a message in the middle: the reason at its end stays. A record above SIZE would be torn."""
    while (excess := len(json.dumps(message)) - limit) > 0:
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
        data = read_if_there(path, SIZE + BEGUN_SIZE)
        record = _parse(data, token, _record) if data is not None else None
        if record is not None:
            return record
    return None


def read_elsewhere(attempt_dir: Path, token: str) -> tuple[ExitRecord | None, Begun | None]:
    """Return the record of an attempt elsewhere, and what its supervisor noted when it began.

    The file is opened anew each time: this is when a network file system asks its server. Raises OSError, also if it
    is not there.
    """
    data = read_bounded(attempt_dir / NAME, SIZE + BEGUN_SIZE)
    record = _parse(data, token, _record)
    return record or _parse_beside(attempt_dir, token), _parse(data[SIZE:], token, _begun)


def _parse_beside(attempt_dir: Path, token: str) -> ExitRecord | None:
    data = read_if_there(_beside(attempt_dir), SIZE)
    return None if data is None else _parse(data, token, _record)


def _parse(data: bytes, token: str, make: Callable[[Fields], T]) -> T | None:
    """Return what the line at the beginning says; None if it is torn, damaged or another attempt's."""
    return checked_line.parse(data, lambda fields: make(fields) if fields.text("token") == token else None)


def _begun(fields: Fields) -> Begun:
    return Begun(fields.text("at"), fields.text("node"), fields.whole("pid"), fields.text("job"))


def _result_of(fields: Fields) -> ResultFacts:
    value = fields.optional("metric_value", fields.text)
    return ResultFacts(
        fields.text("status"),
        fields.optional("error_message", fields.text),
        fields.optional("metric_name", fields.text),
        None if value is None else float(value),
    )


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
        terminated=bool(fields.optional("terminated", fields.flag)),
        said=fields.optional("said", fields.text),
        result=fields.optional("result", lambda name: _result_of(fields.inner(name))),
    )
