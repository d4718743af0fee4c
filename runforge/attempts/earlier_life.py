"""Folders of attempts that this journal does not know: from an earlier life of the run, or another workspace.

The attempts of a run are numbered from 1 again after it was pruned and enqueued again, or after an older
journal was restored. Folders of the earlier life have the same numbers. They are recognised by their token
and moved away, and never taken for this life's. A copied workspace has the folders of attempts that run in
the original.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterator
from pathlib import Path

from runforge.attempts import build_spec, cleanup, exit_record, report, start_marker
from runforge.core.outcome import Finding
from runforge.core.records import Job
from runforge.files.durable import make_dir, read_if_there
from runforge.machine import os_process
from runforge.workspace import Workspace

_SPEC_LIMIT = 16 * 1024 * 1024
_NAME = "earlier-"


class StillRuns(FileExistsError):
    """An attempt of an earlier life still has a process. A run may have only one live process tree."""

    def __init__(self, folder: Path) -> None:
        super().__init__(errno.EEXIST, "an earlier attempt of the run still runs", str(folder))
        self.folder = folder


def set_aside(workspace: Workspace, job: Job, token: str) -> None:
    """Move away the earlier life's attempts from this number on, and the files of the run.

    A folder of this same attempt stays where it is. Raises StillRuns, with nothing moved.
    """
    own = workspace.attempt_dir(job.run_id, job.attempt)
    found = list(_folders_from(own.parent, job.attempt))
    if found and token in _tokens(own):
        return
    for folder in found:
        if _has_a_process(folder):
            raise StillRuns(folder)
    run_dir = workspace.root / job.run_dir
    is_again = job.attempt == 1 and {"logs.txt", "result.json"} & set(build_spec.outputs(run_dir))
    if found or is_again:
        _move_files(run_dir, job.attempt)
    if found:
        kept = _free(found[0].parent)
        make_dir(kept)
        # The last one first: while one of them is there, it proves that this attempt never started.
        for folder in reversed(found):
            os.rename(folder, kept / folder.name)


def refined(attempt_dir: Path, token: str, finding: Finding) -> Finding:
    """Return the finding; corrected if it comes from another life of the run or from another workspace."""
    if finding in {Finding.LOST, Finding.REBOOTED} and original(attempt_dir, token) is not None:
        return Finding.COPIED
    if finding is Finding.FOLDER_MISSING and _is_behind(attempt_dir):
        return Finding.UNLAUNCHED
    return finding


def original(attempt_dir: Path, token: str) -> Path | None:
    """Return the attempt's folder in the original workspace if this one is a copy, else None."""
    there = _spec(attempt_dir).get("attempt_dir")
    if not isinstance(there, str):
        return None
    folder = Path(there)
    try:
        is_copy = folder.is_absolute() and not os.path.samefile(folder, attempt_dir)
    except OSError:
        return None  # it is not there: this workspace was moved, and is the only one
    return folder if is_copy and token in _tokens(folder) else None


def _is_behind(attempt_dir: Path) -> bool:
    """Return whether higher attempts exist: they are from an earlier life, so this one never started."""
    return any(True for _ in _folders_from(attempt_dir.parent, int(attempt_dir.name) + 1))


def _folders_from(parent: Path, first: int) -> Iterator[Path]:
    """Yield the folders of the attempts from a number on, by number."""
    try:
        numbers = sorted(int(name) for name in os.listdir(parent) if name.isdecimal())
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from (parent / str(number) for number in numbers if number >= first)


def _tokens(folder: Path) -> set[str]:
    owner = start_marker.read(folder)
    return {str(_spec(folder).get("token")), owner.token if owner is not None else ""}


def _spec(folder: Path) -> dict[str, object]:
    data = read_if_there(folder / "spec.json", _SPEC_LIMIT)
    try:
        found = json.loads(data or b"")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _has_a_process(folder: Path) -> bool:
    """Return whether the attempt still runs. What a killed supervisor has left behind is killed first."""
    if report.is_locked(folder / report.SUPERVISOR_LOCK):
        return True
    owner = start_marker.read(folder)
    if owner is None or owner.kind != start_marker.STARTED or owner.boot_id != os_process.boot_id():
        return False
    if exit_record.read(folder, owner.token) is not None:
        return False
    return bool(cleanup.clean_up(owner.token, folder, owner.pid).left)


def _move_files(run_dir: Path, number: int) -> None:
    previous = run_dir / "previous"
    outputs = [run_dir / name for name in build_spec.outputs(run_dir)]
    if previous.is_dir():
        outputs += [path for path in previous.iterdir() if path.name.isdecimal() and int(path.name) >= number]
    if not outputs:
        return
    make_dir(previous)
    kept = _free(previous)
    make_dir(kept)
    for path in outputs:
        os.rename(path, kept / path.name)


def _free(parent: Path) -> Path:
    number = 1
    while os.path.lexists(parent / f"{_NAME}{number}"):
        number += 1
    return parent / f"{_NAME}{number}"
