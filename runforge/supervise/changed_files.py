"""Well-known metric files that changed below a folder. Looks at a limited number of names, for a limited time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from runforge.metrics.sources.kinds import kind_of_name

_DEPTH = 7
_MOST_NAMES = 5000
_SECONDS = 0.05
#: The clock of a file system may lag a little behind.
_SLACK = 0.05
_LEFT_OUT = frozenset({"node_modules", "__pycache__", "site-packages", "venv", "env"})


def changed_below(root: str, since: float) -> Iterator[str]:
    """Yield the regular files, nearest first. Links are not followed, hidden folders not entered."""
    left, stop = _MOST_NAMES, time.monotonic() + _SECONDS
    edge = [(root, 0)]
    while edge:
        folder, depth = edge.pop(0)
        try:
            entries = os.scandir(folder)
        except OSError:
            continue
        with entries:
            for entry in entries:
                left -= 1
                if left < 0 or time.monotonic() > stop:
                    return
                if _is_folder(entry) and depth < _DEPTH:
                    edge.append((entry.path, depth + 1))
                elif kind_of_name(entry.path) is not None and _is_new(entry, since - _SLACK):
                    yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        is_folder = entry.is_dir(follow_symlinks=False)
    except OSError:
        return False
    return is_folder and not entry.name.startswith(".") and entry.name not in _LEFT_OUT


def _is_new(entry: os.DirEntry[str], since: float) -> bool:
    try:
        return entry.is_file(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_mtime >= since
    except OSError:
        return False
