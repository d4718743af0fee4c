"""What became of an attempt, from its files and locks alone.

Source of the table: docs/reliability.md, "Recovery". An unknown end is never called success.
"""

from __future__ import annotations

import fcntl
import os
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from runforge.attempts import exit_record, start_marker
from runforge.core.outcome import ExitRecord
from runforge.machine import os_process

SUPERVISOR_LOCK = "sup.lock"


class VerdictKind(Enum):
    """What an attempt's files say."""

    ENDED = "ended"
    LIVE = "live"
    UNCLAIMED = "unclaimed"
    REVOKED = "revoked"
    LOST = "lost"
    REBOOTED = "rebooted"
    FOLDER_MISSING = "folder_missing"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The kind, and the exit record where there is one."""

    kind: VerdictKind
    record: ExitRecord | None = None


def is_locked(path: Path) -> bool:
    """Return whether somebody holds a lock file. Its holder is alive, whatever its pid was."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    else:
        return False
    finally:
        os.close(descriptor)


def judge(attempt_dir: Path, token: str) -> Verdict:  # noqa: PLR0911 - one row of the table each
    """Return what became of an attempt.

    The lock is looked at before the record: a supervisor that ends in between leaves both a free
    lock and a record, and the second look finds it. Raises OSError where nothing can be seen (too many
    open files): a run must not be taken for lost because of that.
    """
    os_process.require_sight()
    if not attempt_dir.is_dir():
        return Verdict(VerdictKind.FOLDER_MISSING)
    is_live = is_locked(attempt_dir / SUPERVISOR_LOCK)
    record = exit_record.read(attempt_dir, token)
    if record is not None:
        return Verdict(VerdictKind.ENDED, record)
    if is_live:
        return Verdict(VerdictKind.LIVE)
    is_taken = start_marker.is_taken(attempt_dir)
    owner = start_marker.read(attempt_dir)
    if owner is None or owner.token != token:
        # A claim that is damaged or another's can be neither revoked nor trusted: somebody may have
        # started, so it is lost. Called unclaimed, it would be judged again for ever.
        return Verdict(VerdictKind.LOST if is_taken else VerdictKind.UNCLAIMED)
    if owner.kind == start_marker.MISSING:
        return Verdict(VerdictKind.FOLDER_MISSING)
    if owner.kind == start_marker.REVOKED:
        return Verdict(VerdictKind.REVOKED)
    if owner.boot_id != os_process.boot_id():
        return Verdict(VerdictKind.REBOOTED)
    return Verdict(VerdictKind.LOST)
