"""The start marker: one atomic file that decides who may start an attempt.

Either a supervisor takes the marker, or a recovering daemon takes it to revoke the attempt. link() has
exactly one winner. If the whole folder is missing, the daemon makes one that already has a marker.
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
#: The folder was missing. It is not known whether the attempt started, but from now on it cannot.
MISSING = "missing"
_LIMIT = 4096
#: Pids are never higher (the kernel's PID_MAX_LIMIT).
_PIDS = 2**22 + 1


@dataclass(frozen=True, slots=True)
class Claim:
    """Who took the start marker of an attempt."""

    kind: str
    token: str
    pid: int
    start_ticks: int | None
    boot_id: str


def claim(attempt_dir: Path, token: str) -> bool:
    """Take the marker for this process; False if it is taken already."""
    return _link(attempt_dir, STARTED, token)


def revoke(attempt_dir: Path, token: str) -> bool:
    """Close the attempt to every supervisor; False if one has taken the marker."""
    return _link(attempt_dir, REVOKED, token)


def close_missing(attempt_dir: Path, token: str) -> bool:
    """Make a closed folder for an attempt that has none, in one step; False if it has one now.

    An old daemon may be stopped before it made the folder, and continue after another one took over. It then
    finds the attempt closed. Otherwise two attempts of the run would run at the same time.
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
    text = json.dumps(
        {
            "kind": kind,
            "token": token,
            "pid": os.getpid(),
            "start_ticks": os_process.own_start_ticks(),
            "boot_id": os_process.boot_id(),
        }
    )
    temporary = attempt_dir / f"{TEMPORARY_PREFIX}{os.urandom(8).hex()}"
    try:
        write_new(temporary, text.encode("ascii"), durable=False)
        failpoints.hit("claim.written")
        _link_once(temporary, attempt_dir / NAME)
        failpoints.hit("claim.linked")
    except (FileExistsError, FileNotFoundError):
        return False
    finally:
        with contextlib.suppress(
            OSError
        ):  # a second name that stays does no harm; a winner that gives up does
            temporary.unlink(missing_ok=True)
    try:
        # One sync for both: journaled file systems store a new name together with its file.
        fsync_file(attempt_dir / NAME)
    except OSError:
        # Nothing has started yet, and the file may be gone after a power cut. So the marker is not taken.
        (attempt_dir / NAME).unlink(missing_ok=True)
        raise
    return True


def _link_once(temporary: Path, name: Path) -> None:
    """Give the file its second name. FileExistsError if another has it.

    A network file system may repeat a call whose answer was lost, and then says that the name is there. The number of
    names tells whose it is.
    """
    try:
        os.link(temporary, name)
    except FileExistsError:
        if os.stat(temporary).st_nlink != 2:
            raise


def read(attempt_dir: Path) -> Claim | None:
    """Return who has the marker; None if nobody has, or if the file does not say who.

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
    """Return whether the marker exists, whatever it says. Then nobody else can take it."""
    return is_there(attempt_dir / NAME)
