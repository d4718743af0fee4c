"""Restores groups and jobs that a damaged journal has lost, from the exported files.

The exports do not have everything about a job. The rest comes from the group's plan, the run's result, and
the entries, which show how many attempts were lost.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runforge import clock
from runforge.core.yielding import ON_LOST
from runforge.files.durable import read_bounded
from runforge.store.recovery.salvage import Row
from runforge.workspace import Workspace

_LIMIT = 1 << 30


def folders(parent: Path) -> list[str]:
    """Return the names of the folders in a folder."""
    with contextlib.suppress(OSError):
        return [entry.name for entry in os.scandir(parent) if entry.is_dir(follow_symlinks=False)]
    return []


def document(path: Path) -> dict[str, Any]:
    """Return a file's JSON object; an empty one if there is none."""
    try:
        found = json.loads(read_bounded(path, _LIMIT))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def add(workspace: Workspace, tables: dict[str, list[Row]]) -> None:
    """Add the groups and jobs that are in the exports but were not read from the damaged file."""
    groups = {group["group_id"]: group for group in tables["groups"]}
    overrides: dict[str, str] = {}
    for group_id in sorted(folders(workspace.hidden / "groups")):
        exported = document(workspace.group_dir(group_id) / "group.json")
        if exported.get("group_id") != group_id:
            continue
        overrides.update(overrides_of(exported))
        if group_id not in groups:
            groups[group_id] = group_row(exported, document(workspace.group_dir(group_id) / "plan.json"))
    tables["groups"] = list(groups.values())
    waiting: list[tuple[str, object]] = []
    known = {job["job_id"] for job in tables["jobs"]} | {job["run_id"] for job in tables["jobs"]}
    for exported in document(workspace.queue_json).get("jobs", []):
        if exported.get("job_id") not in known and exported.get("run_id") not in known:
            job = job_row(workspace, exported, groups)
            job["overrides"] = overrides.get(job["run_id"], "{}")
            job["lost"] = _lost(job, tables["journal"])
            tables["jobs"].append(job)
            waiting.append((job["job_id"], exported.get("waiting_on")))
    job_ids = {job["run_id"]: job["job_id"] for job in tables["jobs"]}
    for job_id, edges in waiting:
        tables.setdefault("dependencies", []).extend(_edges(job_id, edges, job_ids))


def _edges(job_id: str, waiting_on: object, job_ids: dict[str, str]) -> Iterator[Row]:
    """Yield what a job of queue.json waits for, as rows; that names runs by their run ids."""
    for edge in waiting_on if isinstance(waiting_on, list) else ():
        with contextlib.suppress(LookupError, TypeError):
            parent = job_ids[edge["id"]] if edge["kind"] == "run" else edge["id"]
            row = {"job_id": job_id, "kind": edge["kind"], "parent": parent, "met": 0}
            yield {**row, "condition": edge["condition"]}


def overrides_of(group: Row) -> dict[str, str]:
    """Return what a group's plan changed for each of its runs, by run."""
    runs = group.get("runs")
    return {
        str(run.get("run_id")): json.dumps(run.get("request_overrides") or {})
        for run in (runs if isinstance(runs, list) else ())
        if isinstance(run, dict)
    }


def group_row(exported: Row, plan: Row) -> Row:
    """Return the row of a group that group.json shows."""
    execution, objective = _part(exported, "execution"), _part(plan, "objective")
    return {
        "group_id": exported["group_id"],
        "lane_id": None,
        "name": str(exported.get("name") or exported["group_id"]),
        "notes": exported.get("notes"),
        "created_at": exported.get("created_at") or clock.now(),
        "created_by": exported.get("created_by") or "runforge",
        "updated_at": clock.now(),
        "max_parallel": execution.get("max_parallel") or 1,
        "fail_fast": int(_part(plan, "execution").get("fail_fast") is True),
        "objective_metric": objective.get("metric"),
        "direction": "minimize" if objective.get("direction") == "minimize" else "maximize",
        "is_paused": int(bool(exported.get("paused"))),
        "is_canceled": int(bool(execution.get("cancelled"))),
        "started_at": execution.get("started_at"),
        "finished_at": execution.get("finished_at"),
    }


def _part(found: Row, name: str) -> dict[str, Any]:
    part = found.get(name)
    return part if isinstance(part, dict) else {}


def job_row(workspace: Workspace, exported: Row, groups: dict[str, Row]) -> Row:
    """Return the row of a job that queue.json shows."""
    folder = workspace.find_run_dir(exported["run_id"]) or workspace.run_dir(exported["run_id"])
    state, waits = exported["state"], exported.get("waiting")
    if state == "queued" and isinstance(waits, str):
        state = "running"  # it was submitted, and may begin
    name, value = _metric(document(folder / "result.json")) if state == "succeeded" else (None, None)
    gates = _gates(exported) if state == "queued" else {}
    return {
        **gates,
        **_description(exported),
        **_pauses(exported, is_running=state == "running"),
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
        "started_at": exported.get("started_at") or (exported["created_at"] if state == "running" else None),
        "waiting": waits if state == "running" and isinstance(waits, str) else None,
        "finished_at": exported.get("finished_at"),
        "error": exported.get("error") if state != "succeeded" else None,
        "cause": exported.get("cause"),
        "metric_name": name,
        "metric_value": value,
        "stop_reason": _stop_reason(exported),
    }


def _stop_reason(exported: Row) -> str | None:
    reason = exported.get("stop_reason")
    with contextlib.suppress(ValueError):  # NaN is no JSON
        return json.dumps(reason, allow_nan=False) if isinstance(reason, dict) else None
    return None


def _gates(exported: Row) -> Row:
    """Return what keeps a queued job from starting, besides what it waits for."""
    due = exported.get("not_before")
    is_delayed = isinstance(due, str)
    gates = {"held": int(exported.get("held") is True), "delayed": int(is_delayed)}
    return {**gates, "not_before": due if is_delayed else None}


def _pauses(exported: Row, *, is_running: bool) -> Row:
    """Return whether a job stands still or was to make room, and what becomes of it then."""
    yields, on_lost, since = (exported.get(name) for name in ("yields", "on_lost", "frozen_at"))
    found: Row = {
        "is_resumable": int(exported.get("resumable") is True),
        "on_lost": on_lost if on_lost in ON_LOST else None,
        "yields": yields if isinstance(yields, int) and yields > 0 else 0,
    }
    if is_running:
        is_asked = exported.get("yield_requested") is True
        found["yield_requested"] = int(is_asked)
        found["frozen_at"] = since if isinstance(since, str) and not is_asked else None
    return found


def _description(exported: Row) -> Row:
    """Return the name and the tags that queue.json shows, where it has them."""
    found: Row = {}
    if isinstance(exported.get("name"), str):
        found["name"] = exported["name"]
    tags = exported.get("tags")
    if isinstance(tags, list) and tags:
        found["tags"] = json.dumps(tags)
    return found


def _metric(result: Row) -> tuple[str | None, float | None]:
    metric = _part(_part(result, "summary"), "primary_metric")
    name, value = metric.get("name"), metric.get("value")
    if not isinstance(name, str) or isinstance(value, bool) or not isinstance(value, (int, float)):
        return None, None
    return (name, float(value)) if math.isfinite(value) else (None, None)


def _lost(job: Row, entries: list[Row]) -> int:
    """Return how many attempts the job has lost since its last retry, by the entries."""
    lost = 0
    for entry in entries:
        if entry["job_id"] == job["job_id"] and entry["event"] == "retried":
            lost = 0
        elif entry["job_id"] == job["job_id"] and entry["event"] == "requeued":
            lost += '"postponed"' not in entry["detail"]
    return lost
