"""What became of an attempt, from its files and locks alone.

Source of the table: docs/reliability.md, "Recovery". An unknown end is never called success.
"""

from __future__ import annotations

import fcntl
import os
import signal
import time
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from runforge.supervise import claim, exit_record, os_process
from runforge.supervise.exit_record import ExitRecord

SUPERVISOR_LOCK = "sup.lock"
TREE_LOCK = "tree.lock"
_TERM_SECONDS = 0.3
_KILL_SECONDS = 5.0
_PAUSE = 0.01


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
    is_taken = claim.is_taken(attempt_dir)
    owner = claim.read(attempt_dir)
    if owner is None or owner.token != token:
        # A claim that is damaged or another's can be neither revoked nor trusted: somebody may have
        # started, so it is lost. Called unclaimed, it would be judged again for ever.
        return Verdict(VerdictKind.LOST if is_taken else VerdictKind.UNCLAIMED)
    if owner.kind == claim.MISSING:
        return Verdict(VerdictKind.FOLDER_MISSING)
    if owner.kind == claim.REVOKED:
        return Verdict(VerdictKind.REVOKED)
    if owner.boot_id != os_process.boot_id():
        return Verdict(VerdictKind.REBOOTED)
    return Verdict(VerdictKind.LOST)


class Swept(NamedTuple):
    """What a sweep found, and which of it could not be killed."""

    found: int
    left: list[int]


def sweep(token: str, attempt_dir: Path, session: int | None, *, seconds: float = _KILL_SECONDS) -> Swept:
    """Kill what is left of an attempt whose supervisor is gone, waiting so long for it to be gone.

    Found by the token in the environment, by the inherited lock file, and by the session; a process
    that has shed all three can escape, but only where the supervisor was killed by force too.
    """
    lock = Path(os.path.realpath(attempt_dir / TREE_LOCK))
    found: set[int] = set()
    started = time.monotonic()
    while True:
        session = _own_session(attempt_dir, session)
        left = os_process.marked(token, lock, session)
        if not left:
            return Swept(len(found), [])
        found.update(left)
        age = time.monotonic() - started
        number = signal.SIGTERM if age < min(seconds, _TERM_SECONDS) else signal.SIGKILL
        for pid in left:
            # The number may have passed to a stranger since the scan: look again at the very process
            # that `send` then checks by its start, through a handle.
            ticks = os_process.start_ticks(pid)
            if ticks is not None and os_process.is_marked(pid, token, lock, session):
                os_process.send(pid, number, ticks)
        if age >= seconds:
            return Swept(len(found), left)
        time.sleep(_PAUSE)


def _own_session(attempt_dir: Path, session: int | None) -> int | None:
    """Return the session if it can still be the attempt's, else None.

    The kernel gives its number to nobody while it has members. A process of that number which started
    at another time than the supervisor that claimed proves that the attempt's session is empty.
    """
    if session is None:
        return None
    ticks = os_process.start_ticks(session)
    owner = claim.read(attempt_dir)
    is_reused = ticks is not None and (owner is None or ticks != owner.start_ticks)
    return None if is_reused else session
