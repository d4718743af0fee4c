"""Removes half-written files that killed processes have left in the workspace.

Files are written under a temporary name and renamed when they are complete. A process that is killed in
between leaves the temporary file for ever.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from runforge.files.durable import TEMPORARY_PREFIX
from runforge.machine import os_process
from runforge.workspace import Workspace

#: No write takes longer; a stopped process still has its file open.
_OLD_SECONDS = 3600.0
_NAME = re.compile(re.escape(TEMPORARY_PREFIX) + "[0-9a-f]{16}")


def remove_old(workspace: Workspace) -> int:
    """Remove all of them; return how many."""
    return sum(steps(workspace))


def steps(workspace: Workspace) -> Iterator[int]:
    """Remove them folder by folder; yield how many were removed from each. Failures do not stop it."""
    for folder in _folders(workspace):
        old = _old_in(folder)
        held = os_process.held_below(old) if old else set()
        yield sum(_remove(path) for path in old if path not in held)


def _folders(workspace: Workspace) -> Iterator[Path]:
    """Yield the folders in which files are written, also each folder of a group, run or attempt."""
    yield from dict.fromkeys((workspace.hidden, workspace.queue_dir, workspace.state_dir))
    yield from _below(workspace.hidden / "groups")
    yield from _below(workspace.runs_dir)
    yield workspace.hidden / "packages"
    attempts = workspace.state_dir / "attempts"
    yield attempts
    for run in _below(attempts):
        yield run
        yield from _below(run)


def _below(folder: Path) -> list[Path]:
    """Return the real folders in a folder, no links."""
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [Path(entry.path) for entry in entries if entry.is_dir(follow_symlinks=False)]
    return []


def _old_in(folder: Path) -> list[Path]:
    before = time.time() - _OLD_SECONDS
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        return [
            Path(entry.path)
            for entry in entries
            if _NAME.fullmatch(entry.name) and entry.stat(follow_symlinks=False).st_mtime < before
        ]
    return []


def _remove(path: Path) -> bool:
    try:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    except OSError:
        return False
    return True
