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
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from runforge.store import known_names
from runforge.store.journal import Transaction
from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace

#: What is younger may belong to a command that is at work.
YOUNG_SECONDS = 600.0
#: Names of the folders that `submit`, sweeps and `rerun` make, not those of `run --request`.
_MADE = re.compile(r"\d{8}-\d{6}-.+-\d{4,}")
_DIRECT = re.compile(r"\d{8}-\d{6}-run-[0-9a-f]{8}")
_ENVIRONMENT = re.compile(r"[0-9a-f]{64}\.json")
#: Whether RunForge gives such a name, by kind.
_OURS: dict[str, Callable[[str], object]] = {
    "run": lambda name: _MADE.fullmatch(name) and not _DIRECT.fullmatch(name),
    "attempts": bool,
    "group": lambda name: name.startswith("grp_"),
    "environment": _ENVIRONMENT.fullmatch,
}


class Orphan(NamedTuple):
    """A folder or file that no job knows: `run`, `attempts`, `group` or `environment`."""

    kind: str
    path: Path
    bytes: int


def find(workspace: Workspace, *, young_seconds: float = YOUNG_SECONDS) -> list[Orphan]:
    """Return what no job knows and is not young, in order."""
    if not exists(workspace):
        return []
    before = time.time() - young_seconds
    return [Orphan(kind, path, _size(path)) for kind, path in _unknown(workspace) if _newest(path) < before]


def delete(workspace: Workspace, found: Iterable[Orphan]) -> list[Orphan]:
    """Delete those that still no job knows; return them."""
    found = list(found)
    with open_journal(workspace) as journal, journal.read() as tx:
        unknown = {
            (kind, name)
            for kind in dict.fromkeys(orphan.kind for orphan in found)
            for name in _unknown_names(tx, kind, (each.path.name for each in found if each.kind == kind))
        }
    deleted = []
    for orphan in found:
        if (orphan.kind, orphan.path.name) not in unknown:
            continue
        if orphan.path.is_dir() and not orphan.path.is_symlink():
            shutil.rmtree(orphan.path, ignore_errors=True)
        else:
            orphan.path.unlink(missing_ok=True)
        if not os.path.lexists(orphan.path):
            deleted.append(orphan)
    return deleted


def _unknown(workspace: Workspace) -> list[tuple[str, Path]]:
    """Return what has a name that RunForge gives, and no job knows: kind and path, in order."""
    found = []
    with open_journal(workspace) as journal, journal.read() as tx:
        for kind, folder in (
            ("run", workspace.runs_dir),
            ("attempts", workspace.attempts_dir),
            ("group", workspace.hidden / "groups"),
            ("environment", workspace.envs_dir),
        ):
            names = _unknown_names(tx, kind, filter(_OURS[kind], _names(folder)))
            found += [(kind, folder / name) for name in sorted(names)]
    return found


def _unknown_names(tx: Transaction, kind: str, names: Iterable[str]) -> set[str]:
    """Return which of these names the journal does not know. There may be very many that it knows."""
    if kind == "group":
        return set(names) - {row[0] for row in tx.rows("groups.ids")}
    if kind == "environment":
        return set(names) - {f"{row[0]}.json" for row in tx.rows("jobs.environments")}
    unknown = set(known_names.unknown_run_ids(tx, names))
    if unknown:
        with tx.each("jobs.folders_of_other_names") as rows:
            unknown.difference_update(Path(row[0]).name for row in rows)
    return unknown


def _names(folder: Path) -> Iterator[str]:
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            yield entry.name


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
