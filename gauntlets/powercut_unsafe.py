"""RunForge without its syncs: proves that the power cuts would find a missing sync.

This is no option of RunForge: Python imports a file named sitecustomize from a folder on $PYTHONPATH in every
process of the workspace, and that file calls `weaken`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runforge.files import together
from runforge.store import sqlite

#: What can be left out, and the effect.
WAYS = {
    "journal": "SQLite does not wait for the disk when it commits (synchronous=NORMAL)",
    "files": "nothing waits for files: specs, start markers, requests, exit records (os.fsync does nothing)",
}


def weaken(way: str) -> None:
    """Leave the syncs out, in this process and in its forks."""
    if way == "files":
        setattr(os, "fsync", _sync_nothing)  # noqa: B010 - a type checker would not have it otherwise
        setattr(os, "posix_fadvise", _sync_nothing)  # noqa: B010 - the hint that a file is to be written soon
        together.sync = lambda descriptors: [0 for _ in descriptors]
        return
    connect = sqlite.connect

    def careless(path: Path | str) -> Any:
        made = connect(path)
        made.execute("PRAGMA synchronous=NORMAL")
        return made

    sqlite.connect = careless


def _sync_nothing(_descriptor: Any, *_: Any) -> None:
    """Say that it is on the disk."""


def environment(way: str, folder: Path) -> Mapping[str, str]:
    """Return the environment that makes Python processes weak; write the file for it into the folder."""
    folder.mkdir()
    lines = f"from gauntlets.powercut_unsafe import weaken\nweaken({way!r})\n"
    (folder / "sitecustomize.py").write_text(lines, "utf-8")
    return {"PYTHONPATH": os.pathsep.join([str(folder), str(Path(__file__).parent.parent)])}
