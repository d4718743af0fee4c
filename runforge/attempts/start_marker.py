"""The claim: one atomic file that decides who may start an attempt.

A supervisor claims it, or a recovering daemon revokes it; link() has exactly one winner. Where the whole
folder is missing, the daemon puts one there that holds a claim already.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from runforge import failpoints
from runforge.attempts.json_fields import Fields
from runforge.files.durable import (
    TEMPORARY_PREFIX,
    fsync_dir,
    fsync_file,
    is_there,
    make_dir,
    make_way,
    read_if_there,
    write_new,
)
from runforge.machine import os_process

NAME = "claim"
STARTED = "started"
REVOKED = "revoked"
#: The folder was missing: whether the attempt started is not known, but now it cannot any more.
MISSING = "missing"
_LIMIT = 4096
#: No kernel gives higher numbers to processes (PID_MAX_LIMIT).
_PIDS = 2**22 + 1


@dataclass(frozen=True, slots=True)
class Claim:
    """Who won an attempt."""

    kind: str
    token: str
    pid: int
    start_ticks: int | None
    boot_id: str


def claim(attempt_dir: Path, token: str) -> bool:
    """Win the attempt for this process; False if it was claimed or revoked before."""
    return _link(attempt_dir, STARTED, token)


def revoke(attempt_dir: Path, token: str) -> bool:
    """Close the attempt to every supervisor; False if one has claimed it."""
    return _link(attempt_dir, REVOKED, token)


def close_missing(attempt_dir: Path, token: str) -> bool:
    """Put a closed folder where an attempt has none, in one step; False if it has one now.

    A daemon that was stopped before it made the folder, and wakes up after another has taken over, finds
    the attempt taken: else its run would go on beside the next attempt's.
    """
    make_way(attempt_dir, 2)
    temporary = attempt_dir.parent / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
    make_dir(temporary)
    _link(temporary, MISSING, token)
    try:
        os.rename(temporary, attempt_dir)
    except OSError as error:
        shutil.rmtree(temporary)
        if error.errno not in {errno.ENOTEMPTY, errno.EEXIST}:
            raise
        owner = read(attempt_dir)
        return owner is not None and owner.kind == MISSING
    fsync_dir(attempt_dir.parent)
    return True


def _link(attempt_dir: Path, kind: str, token: str) -> bool:
    pid = os.getpid()
    text = json.dumps(
        {
            "kind": kind,
            "token": token,
            "pid": pid,
            "start_ticks": os_process.start_ticks(pid),
            "boot_id": os_process.boot_id(),
        }
    )
    temporary = attempt_dir / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
    try:
        write_new(temporary, text.encode("ascii"), durable=False)
        failpoints.hit("claim.written")
        os.link(temporary, attempt_dir / NAME)
        failpoints.hit("claim.linked")
    except (FileExistsError, FileNotFoundError):
        return False
    finally:
        with contextlib.suppress(
            OSError
        ):  # a second name that stays does no harm; a winner that gives up does
            temporary.unlink(missing_ok=True)
    try:
        # One sync for both: journaled file systems keep a new name together with the file that it names.
        fsync_file(attempt_dir / NAME)
    except OSError:
        # Nothing has started by it, and it may be gone after a power cut: nobody has won yet.
        (attempt_dir / NAME).unlink(missing_ok=True)
        raise
    return True


def read(attempt_dir: Path) -> Claim | None:
    """Return who won the attempt; None if nobody has, or if the file does not say who.

    OSError if it cannot be read now.
    """
    data = read_if_there(attempt_dir / NAME, _LIMIT)
    try:
        return _claim(Fields(json.loads(data))) if data is not None else None
    except (ValueError, RecursionError):
        return None


def _claim(fields: Fields) -> Claim | None:
    pid = fields.whole("pid")
    if not 0 < pid < _PIDS:
        return None
    ticks = fields.optional("start_ticks", fields.whole)
    return Claim(fields.text("kind"), fields.text("token"), pid, ticks, fields.text("boot_id"))


def is_taken(attempt_dir: Path) -> bool:
    """Return whether the attempt is closed to every further claim, whatever the file says."""
    return is_there(attempt_dir / NAME)
