"""Folders and files that no job knows: a command was killed between the disk and the journal.

A person's own folders are not among them: only names that RunForge gives, and only what is not brand-new, because a
command makes its folders before it enters their runs.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace

#: What is younger may belong to a command that is at work.
YOUNG_SECONDS = 600.0
#: Names of the folders that `submit`, sweeps and `rerun` make, not those of `run --request`.
_MADE = re.compile(r"\d{8}-\d{6}-.+-\d{4,}")
_DIRECT = re.compile(r"\d{8}-\d{6}-run-[0-9a-f]{8}")
_ENVIRONMENT = re.compile(r"[0-9a-f]{64}\.json")


class Orphan(NamedTuple):
    """A folder or file that no job knows: `run`, `attempts`, `group` or `environment`."""

    kind: str
    path: Path
    bytes: int


class _Known(NamedTuple):
    """What the journal knows."""

    runs: set[str]
    groups: set[str]
    environments: set[str]


def find(workspace: Workspace, *, young_seconds: float = YOUNG_SECONDS) -> list[Orphan]:
    """Return what no job knows and is not young, in order."""
    if not exists(workspace):
        return []
    known = _known(workspace)
    before = time.time() - young_seconds
    return [
        Orphan(kind, path, _size(path)) for kind, path in _unknown(workspace, known) if _newest(path) < before
    ]


def delete(workspace: Workspace, found: Iterable[Orphan]) -> list[Orphan]:
    """Delete those that still no job knows; return them."""
    known = _known(workspace)
    deleted = []
    for orphan in found:
        if _is_known(orphan.kind, orphan.path, known):
            continue
        if orphan.path.is_dir() and not orphan.path.is_symlink():
            shutil.rmtree(orphan.path, ignore_errors=True)
        else:
            orphan.path.unlink(missing_ok=True)
        if not os.path.lexists(orphan.path):
            deleted.append(orphan)
    return deleted


def _known(workspace: Workspace) -> _Known:
    with open_journal(workspace) as journal, journal.read() as tx:
        rows = tx.rows("jobs.files")
        groups = {row["group_id"] for row in tx.rows("groups.ids")}
    runs = {row["run_id"] for row in rows} | {Path(row["run_dir"]).name for row in rows}
    return _Known(runs, groups, {f"{row['env_id']}.json" for row in rows if row["env_id"]})


def _is_known(kind: str, path: Path, known: _Known) -> bool:
    of_kind = {"group": known.groups, "environment": known.environments}
    return path.name in of_kind.get(kind, known.runs)


def _unknown(workspace: Workspace, known: _Known) -> Iterator[tuple[str, Path]]:
    for kind, path in _ours(workspace):
        if not _is_known(kind, path, known):
            yield kind, path


def _ours(workspace: Workspace) -> Iterator[tuple[str, Path]]:
    """Yield what has a name that RunForge gives."""
    for path in _inside(workspace.runs_dir):
        if _MADE.fullmatch(path.name) and not _DIRECT.fullmatch(path.name):
            yield "run", path
    for path in _inside(workspace.attempts_dir):
        yield "attempts", path
    for path in _inside(workspace.hidden / "groups"):
        if path.name.startswith("grp_"):
            yield "group", path
    for path in _inside(workspace.hidden / "envs"):
        if _ENVIRONMENT.fullmatch(path.name):
            yield "environment", path


def _inside(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return sorted(folder.iterdir())
    return []


def _newest(path: Path) -> float:
    """Return when something in it was changed last."""
    times = [path.lstat().st_mtime]
    for each in _all(path):
        with contextlib.suppress(OSError):
            times.append(each.lstat().st_mtime)
    return max(times)


def _size(path: Path) -> int:
    total = 0
    for each in (path, *_all(path)):
        with contextlib.suppress(OSError):
            if each.is_file() and not each.is_symlink():
                total += each.lstat().st_size
    return total


def _all(path: Path) -> Iterator[Path]:
    if path.is_dir() and not path.is_symlink():
        yield from path.rglob("*")
