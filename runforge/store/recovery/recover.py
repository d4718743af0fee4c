"""A new journal out of a damaged one: its readable rows, the exports, the attempts' own files.

The damaged files are put aside, never changed and never deleted. The new journal takes their place only when
replaying it gives its tables. Nothing is guessed: a job that neither source knows is named, not made up.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runforge import clock
from runforge.core.states import State
from runforge.errors import OperationFailed
from runforge.files.durable import fsync_dir, fsync_file, read_bounded
from runforge.store.recovery import rebuild, salvage
from runforge.store.recovery.salvage import Row
from runforge.workspace import Workspace

_EXPORT_LIMIT = 1 << 30
_SPEC_LIMIT = 8 * 1024 * 1024
_SUFFIXES = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Recovered:
    """What came of it. `unknown_runs` are run folders that no source puts into the queue."""

    from_journal: int
    from_exports: int
    groups: int
    running: int
    kept_at: str
    unknown_runs: list[str]


def recover(workspace: Workspace) -> Recovered:
    """Put the damaged journal aside and make a new one of what can be saved.

    The caller holds the daemon's lock and the writers' lock. Raises OperationFailed, with the old files back
    in their place, if what was saved does not make a journal that is in order.
    """
    aside = _put_aside(workspace)
    try:
        tables = _salvaged(workspace, aside)
        from_journal = len(tables["jobs"])
        _add_exports(workspace, tables)
        _complete(workspace, tables)
        fresh = workspace.journal.with_name(f"{workspace.journal.name}.new")
        _require_order(rebuild.write(fresh, tables))
    except BaseException:
        _put_back(workspace, aside)
        raise
    fsync_file(fresh)
    os.replace(fresh, workspace.journal)
    fsync_dir(workspace.state_dir)
    known = {job["run_id"] for job in tables["jobs"]}
    return Recovered(
        from_journal,
        len(tables["jobs"]) - from_journal,
        len(tables["groups"]),
        sum(job["state"] == "running" for job in tables["jobs"]),
        str(aside),
        sorted(set(_folders(workspace.runs_dir)) - known),
    )


def _require_order(problems: list[str]) -> None:
    if problems:
        raise OperationFailed(
            f"what could be saved contradicts itself: {problems[0]}", fix="The journal is as it was"
        )


def _salvaged(workspace: Workspace, aside: Path) -> dict[str, list[Row]]:
    """Read a copy: SQLite would fold the WAL into the damaged file itself."""
    copy = workspace.journal.with_name(f"{workspace.journal.name}.salvage")
    try:
        for suffix in _SUFFIXES:
            with contextlib.suppress(FileNotFoundError):
                shutil.copyfile(f"{aside}{suffix}", f"{copy}{suffix}")
        return salvage.read(copy)
    finally:
        for suffix in _SUFFIXES:
            Path(f"{copy}{suffix}").unlink(missing_ok=True)


def _put_aside(workspace: Workspace) -> Path:
    stamp = clock.now().replace("-", "").replace(":", "")[:15]
    aside = workspace.journal.with_name(f"{workspace.journal.name}.damaged-{stamp}")
    for suffix in _SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{workspace.journal}{suffix}", f"{aside}{suffix}")
    return aside


def _put_back(workspace: Workspace, aside: Path) -> None:
    for suffix in _SUFFIXES:
        with contextlib.suppress(FileNotFoundError):
            os.rename(f"{aside}{suffix}", f"{workspace.journal}{suffix}")


def _folders(parent: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return [entry.name for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)]
    return []


def _document(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_bounded(path, _EXPORT_LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _add_exports(workspace: Workspace, tables: dict[str, list[Row]]) -> None:
    """Add the groups and jobs that the damaged file did not give and the exports know."""
    groups = {group["group_id"]: group for group in tables["groups"]}
    overrides: dict[str, str] = {}
    for group_id in sorted(_folders(workspace.hidden / "groups")):
        document = _document(workspace.group_dir(group_id) / "group.json")
        if document.get("group_id") != group_id:
            continue
        for run in document.get("runs", []):
            overrides[run.get("run_id")] = json.dumps(run.get("request_overrides") or {})
        if group_id not in groups:
            groups[group_id] = _group(document)
    tables["groups"] = list(groups.values())
    known = {job["job_id"] for job in tables["jobs"]} | {job["run_id"] for job in tables["jobs"]}
    for exported in _document(workspace.queue_json).get("jobs", []):
        if exported.get("job_id") not in known and exported.get("run_id") not in known:
            job = _job(workspace, exported, groups)
            job["overrides"] = overrides.get(job["run_id"], "{}")
            tables["jobs"].append(job)


def _group(document: Row) -> Row:
    execution = document.get("execution") or {}
    return {
        "group_id": document["group_id"],
        "lane_id": None,
        "name": str(document.get("name") or document["group_id"]),
        "notes": document.get("notes"),
        "created_at": document.get("created_at") or clock.now(),
        "created_by": document.get("created_by") or "runforge",
        "updated_at": clock.now(),
        "max_parallel": execution.get("max_parallel") or 1,
        "fail_fast": 0,
        "objective_metric": None,
        "direction": "maximize",
        "is_paused": int(bool(document.get("paused"))),
        "is_canceled": int(bool(execution.get("cancelled"))),
        "started_at": execution.get("started_at"),
        "finished_at": execution.get("finished_at"),
    }


def _job(workspace: Workspace, exported: Row, groups: dict[str, Row]) -> Row:
    folder = workspace.find_run_dir(exported["run_id"]) or workspace.run_dir(exported["run_id"])
    state = exported["state"]
    return {
        "seq": None,
        "job_id": exported["job_id"],
        "run_id": exported["run_id"],
        "group_id": exported.get("group_id") if exported.get("group_id") in groups else None,
        "lane_id": None,
        "run_dir": workspace.relative(folder),
        "priority": exported.get("priority") or 0,
        "state": state,
        "requires_gpu": int(bool(exported.get("requires_gpu"))),
        "attempt": exported.get("attempt") or 1,
        "lost": 0,
        "cancel_requested": int(bool(exported.get("cancel_requested"))),
        "dry_run_seconds": 0.0 if exported.get("dry_run") else None,
        "created_at": exported["created_at"],
        "updated_at": clock.now(),
        "started_at": exported.get("started_at"),
        "finished_at": exported.get("finished_at"),
        "error": exported.get("error") if state != "succeeded" else None,
        "cause": exported.get("cause"),
        "metric_name": None,
        "metric_value": None,
    }


def _complete(workspace: Workspace, tables: dict[str, list[Row]]) -> None:
    """See to it that every running job has its attempt, so that the next daemon can judge it."""
    jobs = {job["job_id"]: job for job in tables["jobs"]}
    attempts = {(row["job_id"], row["attempt"]): row for row in tables["attempts"] if row["job_id"] in jobs}
    for job in _in_state(jobs.values(), State.RUNNING):
        if (job["job_id"], job["attempt"]) not in attempts:
            attempts[job["job_id"], job["attempt"]] = _attempt(workspace, job)
    tables["attempts"] = list(attempts.values())


def _in_state(jobs: Iterable[Row], state: State) -> list[Row]:
    return [job for job in jobs if job["state"] == state.value]


def _attempt(workspace: Workspace, job: Row) -> Row:
    # The token stands in the attempt's own spec. With another one the next daemon finds it lost.
    token = secrets.token_hex(16)
    path = workspace.attempt_dir(job["run_id"], job["attempt"]) / "spec.json"
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        token = str(json.loads(read_bounded(path, _SPEC_LIMIT))["token"])
    return {
        "job_id": job["job_id"],
        "run_id": job["run_id"],
        "attempt": job["attempt"],
        "token": token,
        "epoch": 0,
        "gpu_uuid": None,
        "started_at": job["started_at"] or clock.now(),
        "finished_at": None,
        "cause": None,
        "error": None,
        "exit_code": None,
        "signal": None,
    }
