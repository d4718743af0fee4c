"""Whether the disks of a workspace have room for another run; if not, a message about it.

The daemon asks before a launch, and commands ask to show why jobs wait. So both say the same.
"""

from __future__ import annotations

from runforge.cells import size
from runforge.named import NamedTuple
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from runforge.place import Place
    from runforge.workspace import Workspace

#: Bytes that must stay free, instead of the rule below; 0 turns the check off.
VARIABLE = "RUNFORGE_MIN_FREE_BYTES"
_MOST_BYTES = 2**30
_SHARE = 50
#: SQLite calls it an input/output error if this does not fit.
_INDEX_BYTES = 64 * 1024
#: How many files and folders a run needs to start and to end.
_FILES = 16


class Shortage(NamedTuple):
    """Why no runs are launched: `kind` is disk_full or read_only, `text` is a part of a sentence."""

    kind: str
    text: str


def shortage(workspace: Workspace | Place, *, is_suspicious: bool = False) -> Shortage | None:
    """Return what the disks of the runs and of the journal lack; None if all is well.

    With `is_suspicious` (a daemon does not respond) this also finds a file system that the kernel made
    read-only after an error: only a write shows that.
    """
    for folder in (workspace.runs_dir, workspace.state_dir):
        found = _shortage_of(folder)
        if found is not None:
            return found
        if is_suspicious and is_read_only(folder):
            return _read_only(folder)
    return None


def _read_only(folder: Path | str) -> Shortage:
    return Shortage("read_only", f"the file system of {folder} is read-only")


def _shortage_of(folder: Path | str) -> Shortage | None:
    try:
        disk = os.statvfs(folder)
    except OSError:
        return None  # missing or not reachable: a launch there will report it
    if disk.f_flag & os.ST_RDONLY:
        return _read_only(folder)
    free, total = disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize
    needed = _needed(total)
    if free < needed:
        return Shortage(
            "disk_full",
            f"the disk is full: {size(free)} free of {size(total)} at {folder}, needs {size(needed)}",
        )
    if needed and disk.f_files and disk.f_favail < _FILES:
        text = f"the disk is full: room for {disk.f_favail} more files at {folder}, needs {_FILES}"
        return Shortage("disk_full", text)
    return None


def _needed(total: int) -> int:
    given = os.environ.get(VARIABLE, "")
    return int(given) if given.isascii() and given.isdigit() else min(_MOST_BYTES, total // _SHARE)


def is_read_only(folder: Path | str) -> bool:
    """Return whether a folder's file system takes no writes. Used only if something is wrong already.

    After an error the kernel does not report a file system as read-only: so a write is tried.
    """
    try:
        os.utime(folder)
    except OSError as error:
        import errno  # as in `files.reading`

        return error.errno == errno.EROFS
    return False


def is_full(folder: Path | str) -> bool:
    """Return whether a folder's file system has no room even for SQLite's shared index."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    return disk.f_bavail * disk.f_frsize < _INDEX_BYTES or (disk.f_files > 0 and disk.f_favail == 0)
