"""The queue of the older program, which had no journal: its files become the first journal, once.

Its queue.json names no journal entry, and its jobs and groups have the fields of ours. They may hold anything: what
cannot be understood is left out and counted. Nothing of it is changed here.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from runforge import clock, ids
from runforge.core.states import TERMINAL, Cause, State
from runforge.errors import OperationFailed, RunForgeError
from runforge.store import opening, traces
from runforge.store.recovery import from_exports, rebuild
from runforge.store.recovery.salvage import Row
from runforge.workspace import Workspace

#: A daemon whose last sign of life is younger may be at work.
_ALIVE_SECONDS = 30.0
_TABLES = ("lanes", "groups", "jobs", "attempts", "daemon", "journal")
_MOST_ATTEMPTS = 1000
_MOST_PRIORITY = 1_000_000
_SPELLED = {"cancelled": State.CANCELED.value, "completed": State.SUCCEEDED.value}
_UNSEEN = "it was running when the older program was last seen; how it ended is not known"


def take_over(workspace: Workspace) -> str | None:
    """Make the first journal of the older program's queue, if there is one; return what came of it, in one line.

    Raises OperationFailed if it cannot be taken over now; then nothing is changed.
    """
    if not traces.has_older_queue(workspace):
        return None
    told: list[str] = []

    def write(fresh: Path) -> None:
        found = _tables(workspace)
        problems = rebuild.write(fresh, found)
        if problems:
            raise OperationFailed(
                f"the older program's queue contradicts itself ({problems[0]}); nothing was changed",
                where=str(workspace.queue_json),
                fix="Move the file away to begin with an empty queue",
            )
        told.append(_told(found, _keep(workspace)))

    opening.make_of(workspace, write)
    return told[0] if told else None  # another command was quicker


def _tables(workspace: Workspace) -> dict[str, list[Row]]:
    """Return the older queue as a journal's rows.

    Raises OperationFailed where its daemon lives, or the file is no queue.
    """
    _require_no_daemon(workspace)
    queue = from_exports.document(workspace.queue_json)
    listed = queue.get("jobs")
    if queue.get("kind") != "execution_queue" or not isinstance(listed, list):
        raise OperationFailed(
            "this is not a queue that can be imported, and there is no journal; nothing was changed",
            where=str(workspace.queue_json),
            fix="Move the file away to begin with an empty queue",
        )
    found: dict[str, list[Row]] = {name: [] for name in _TABLES}
    groups = {row["group_id"]: row for row in _groups(workspace)}
    newest: dict[str, Row] = {}
    for job in listed:
        if isinstance(job, dict) and _is_id(job.get("run_id")) and _is_id(job.get("job_id")):
            newest.pop(job["run_id"], None)  # it made a new job for every retry: the last one counts
            newest[job["run_id"]] = job
    overrides = _overrides(workspace, groups)
    for job in {job["job_id"]: job for job in newest.values()}.values():
        cleaned = _cleaned(job)
        group_id = cleaned["group_id"]
        if group_id is not None and group_id not in groups:
            groups[group_id] = from_exports.group_row({"group_id": group_id}, {})
        with contextlib.suppress(RunForgeError, OSError):  # something else is in the place of its run folder
            row = from_exports.job_row(workspace, cleaned, groups)
            found["jobs"].append({**row, "overrides": overrides.get(job["run_id"], "{}")})
    found["groups"] = list(groups.values())
    return found


def _told(taken: dict[str, list[Row]], kept: Path) -> str:
    """Return what was taken over, in one line."""
    waiting = sum(job["state"] == State.QUEUED.value for job in taken["jobs"])
    return (
        f"took over the older program's queue: {len(taken['jobs'])} jobs, {waiting} of them waiting, and"
        f" {len(taken['groups'])} groups; its queue.json is kept as {kept.name}"
    )


def _keep(workspace: Workspace) -> Path:
    """Give the older queue.json a second name, under which it stays; return it."""
    kept = workspace.queue_dir / "queue.json.older"
    with contextlib.suppress(FileExistsError):
        os.link(workspace.queue_json, kept, follow_symlinks=False)
    return kept


def _require_no_daemon(workspace: Workspace) -> None:
    daemon = from_exports.document(workspace.daemon_json)
    pid, beat = daemon.get("pid"), _moment(daemon.get("last_heartbeat"))
    if daemon.get("state") not in {"running", "stopping"} or not isinstance(pid, int) or beat is None:
        return
    if abs((clock.utc_now() - beat).total_seconds()) < _ALIVE_SECONDS and os.path.exists(f"/proc/{pid}"):
        raise OperationFailed(
            f"the older program's daemon (pid {pid}) is at work on this queue; nothing was changed",
            where=str(workspace.queue_json),
            fix=f"Stop it (`kill {pid}`), then try again: RunForge takes the queue over",
        )


def _moment(text: object) -> datetime | None:
    with contextlib.suppress(ValueError, TypeError):
        moment = datetime.fromisoformat(str(text).replace("Z", "+00:00"))
        return moment if moment.tzinfo is not None else None
    return None


def _stamp(text: object) -> str | None:
    """Return a time in the form that ours have."""
    moment = _moment(text)
    return None if moment is None else clock.to_text(moment)


def _is_id(value: object) -> bool:
    with contextlib.suppress(RunForgeError):
        return isinstance(value, str) and bool(ids.checked(value, what="id"))
    return False


def _groups(workspace: Workspace) -> Iterator[Row]:
    for group_id in sorted(from_exports.folders(workspace.hidden / "groups")):
        exported = from_exports.document(workspace.group_dir(group_id) / "group.json")
        if _is_id(group_id) and exported.get("group_id") == group_id:
            plan = from_exports.document(workspace.group_dir(group_id) / "plan.json")
            yield _with_order(from_exports.group_row(exported, plan))


def _with_order(row: Row) -> Row:
    """Return a group's row with values that the journal takes."""
    parallel, notes, metric = row["max_parallel"], row["notes"], row["objective_metric"]
    return {
        **row,
        "notes": notes if isinstance(notes, str) else None,
        "created_at": _stamp(row["created_at"]) or clock.now(),
        "created_by": str(row["created_by"]),
        "max_parallel": parallel if type(parallel) is int and 1 <= parallel <= _MOST_PRIORITY else 1,
        "objective_metric": metric if isinstance(metric, str) else None,
        "started_at": _stamp(row["started_at"]),
        "finished_at": _stamp(row["finished_at"]),
    }


def _overrides(workspace: Workspace, groups: dict[str, Row]) -> dict[str, str]:
    found: dict[str, str] = {}
    for group_id in groups:
        found.update(
            from_exports.overrides_of(from_exports.document(workspace.group_dir(group_id) / "group.json"))
        )
    return found


def _cleaned(job: dict[str, Any]) -> dict[str, Any]:
    """Return a job as our own queue.json would show it; one that was running ended unseen."""
    state = _SPELLED.get(str(job.get("state")), str(job.get("state")))
    error, cause = job.get("error"), None
    if state not in set(State) or state == State.RUNNING.value:
        state, error, cause = State.FAILED.value, _UNSEEN, Cause.LOST.value
    is_over = state in TERMINAL
    started = _stamp(job.get("started_at")) if is_over else None
    now = clock.now()
    group_id, attempt = job.get("group_id"), job.get("attempt")
    return {
        "job_id": job["job_id"],
        "run_id": job["run_id"],
        "group_id": group_id if _is_id(group_id) else None,
        "state": state,
        "priority": _within(job.get("priority"), -_MOST_PRIORITY, 0, _MOST_PRIORITY),
        "requires_gpu": job.get("requires_gpu") is True,
        "attempt": _within(attempt, 1, 1, _MOST_ATTEMPTS),
        "created_at": _stamp(job.get("created_at")) or now,
        "started_at": started,
        "finished_at": (_stamp(job.get("finished_at")) or started or now) if is_over else None,
        "error": error if isinstance(error, str) and state != State.SUCCEEDED.value else None,
        "cause": cause,
        "dry_run": job.get("dry_run") is True,
    }


def _within(value: object, low: int, usual: int, high: int) -> int:
    return min(max(value, low), high) if type(value) is int else usual
