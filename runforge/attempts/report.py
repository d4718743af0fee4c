"""The report on an attempt: all that its files and locks say, read once.

The table is in docs/reliability.md, "Recovery". `core.policy` decides what a report means.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
from pathlib import Path
from typing import Any

from runforge.attempts import exit_record, gpu_words, last_line, refusal, start_marker
from runforge.core.outcome import ExitRecord, Finding, GpuFault, Report, ResultFacts
from runforge.documents.result import Result, read_result
from runforge.files.durable import is_folder, is_there, open_file, read_if_there
from runforge.machine import os_process

SUPERVISOR_LOCK = "sup.lock"
_RESULT_LIMIT = 4 * 1024 * 1024


def is_locked(path: Path) -> bool:
    """Return whether a process holds a lock file. Its holder is alive. OSError if that cannot be seen now."""
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.EINVAL}:
            return False  # none of ours is there
        raise
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def inspect(attempt_dir: Path, token: str, run_dir: Path) -> Report:
    """Return the report on an attempt.

    Raises OSError if something cannot be read now (too many open files, a failing disk, missing permissions).
    A run must not count as lost because of that.
    """
    finding, record = find(attempt_dir, token)
    if record is not None:
        return ended(attempt_dir, run_dir, record)
    if finding is Finding.REVOKED:
        return revoked(attempt_dir)
    return Report(finding)


def ended(attempt_dir: Path, run_dir: Path, record: ExitRecord, *, is_here: bool = True) -> Report:
    """Return the report on an attempt that has left a record. OSError as for `inspect`.

    Of a run that was not on this machine (`is_here`) the record's word counts for its result, whose file may be seen late.
    """
    has_result_file = is_there(run_dir / "result.json") or (record.result is not None and not is_here)
    known = record.result if has_result_file else None
    result = known or result_in(run_dir)
    has_folder = is_folder(run_dir)
    found = Report(Finding.ENDED, record, result, has_folder, has_result_file)
    return _with_words(found, run_dir, attempt_dir) if record.exit_code or record.signal else found


def revoked(attempt_dir: Path) -> Report:
    """Return the report on an attempt that can start no more, with what kept its supervisor from it."""
    return Report(
        Finding.REVOKED, refused=refusal.read(attempt_dir), is_forged=refusal.is_forged(attempt_dir)
    )


def find(attempt_dir: Path, token: str) -> tuple[Finding, ExitRecord | None]:  # noqa: PLR0911 - a row of the table each
    """Return what an attempt's files say, and its exit record if there is one.

    The lock is looked at before the record: a supervisor that ends in between leaves both a free
    lock and a record, and the second look finds it.
    """
    os_process.require_sight()
    if not is_folder(attempt_dir):
        return Finding.FOLDER_MISSING, None
    is_live = is_locked(attempt_dir / SUPERVISOR_LOCK)
    record = exit_record.read(attempt_dir, token)
    if record is not None:
        return Finding.ENDED, record
    if is_live:
        return Finding.LIVE, None
    is_taken = start_marker.is_taken(attempt_dir)
    owner = start_marker.read(attempt_dir)
    if owner is not None and owner.token != token:
        return Finding.EARLIER, None  # the marker belongs to another attempt, so this one has none
    if owner is None:
        # A damaged marker can be neither revoked nor trusted. The attempt may have started, so it
        # is lost. As "not started" it would be inspected again for ever.
        return (Finding.LOST if is_taken else Finding.UNCLAIMED), None
    if owner.kind == start_marker.MISSING:
        return Finding.FOLDER_MISSING, None
    if owner.kind == start_marker.REVOKED:
        return Finding.REVOKED, None
    return (Finding.REBOOTED if owner.boot_id != os_process.boot_id() else Finding.LOST), None


def _with_words(found: Report, run_dir: Path, attempt_dir: Path) -> Report:
    """Return the report with what the log's end says. It explains, so a log that cannot be read is no reason to wait."""
    with contextlib.suppress(OSError):
        tail = last_line.tail_of(run_dir)
        fault = gpu_words.fault_in(tail)
        parameters = _parameters(attempt_dir) if fault is GpuFault.OOM else {}
        words = last_line.of(tail)
        return found._replace(last_line=words.line, told=words.told, gpu_fault=fault, parameters=parameters)
    return found


def _parameters(attempt_dir: Path) -> dict[str, Any]:
    """Return the parameters that a command was started with; none if they cannot be read."""
    data = read_if_there(attempt_dir / "params.json", _RESULT_LIMIT)
    try:
        found = json.loads(data) if data is not None else None
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def result_in(run_dir: Path) -> ResultFacts | None:
    """Return what the queue needs of a run's result.json; None if there is no usable one. OSError: not now."""
    data = read_if_there(run_dir / "result.json", _RESULT_LIMIT)
    return facts(read_result(data) if data is not None else None)


def facts(found: Result | None) -> ResultFacts | None:
    """Return what the queue needs of a result."""
    if found is None:
        return None
    return ResultFacts(found.status, found.error_message, found.metric_name, found.metric_value)
