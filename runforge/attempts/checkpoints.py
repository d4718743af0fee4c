"""The folder of a run's checkpoints. It stays where it is, whatever attempt writes into it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from runforge.files.durable import make_dir

FOLDER = "checkpoints"
#: So many entries are looked at.
_MOST = 20_000


def folder(run_dir: Path) -> Path:
    """Return where a run keeps its checkpoints."""
    return run_dir / FOLDER


def make(run_dir: Path) -> None:
    """Make the folder. Raises OSError, also if something else is in its place."""
    make_dir(folder(run_dir))


def is_empty(run_dir: Path) -> bool:
    """Return whether a run has left nothing there."""
    try:
        with os.scandir(folder(run_dir)) as entries:
            return next(entries, None) is None
    except OSError:
        return True


def changed_since(run_dir: Path, start: os.stat_result) -> bool:
    """Return whether anything below the folder has changed since a file was written, by the kernel's own clock.

    The folder itself does not count. Links are not followed. It only explains an end, so the look is bounded.
    """
    for number, entry in enumerate(_below(folder(run_dir))):
        if number >= _MOST:
            return True
        if max(entry.st_mtime_ns, entry.st_ctime_ns) >= start.st_mtime_ns:
            return True
    return False


def _below(path: Path | str) -> Iterator[os.stat_result]:
    try:
        entries = list(os.scandir(path))
    except OSError:
        return
    for entry in entries:
        try:
            info = entry.stat(follow_symlinks=False)
            is_folder = entry.is_dir(follow_symlinks=False)
        except OSError:
            continue
        yield info
        if is_folder:
            yield from _below(entry.path)
