"""Restores attempts that a damaged journal has lost, from their folders and from the entries.

The spec has the token; the next daemon needs it to recognise the files of a live attempt. The exit record
says how the attempt ended, the entry says when and why.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from runforge import clock
from runforge.attempts import exit_record
from runforge.core.outcome import ExitRecord
from runforge.core.states import Cause
from runforge.store.recovery.from_exports import document
from runforge.store.recovery.salvage import Row
from runforge.workspace import Workspace


class _History(NamedTuple):
    """What the entries say about an attempt."""

    started_at: str | None = None
    finished_at: str | None = None
    cause: str | None = None
    error: str | None = None


def complete(workspace: Workspace, tables: dict[str, list[Row]]) -> None:
    """Add the missing attempts: the history gets complete, and the next daemon can inspect running ones."""
    jobs = {job["job_id"]: job for job in tables["jobs"]}
    attempts = [row for row in tables["attempts"] if row["job_id"] in jobs]
    known = {(row["job_id"], row["attempt"]) for row in attempts}
    tokens = {row["token"] for row in attempts}
    told = _stories(tables["journal"])
    for job in jobs.values():
        for number in range(1, job["attempt"] + 1):
            if (job["job_id"], number) in known:
                continue
            row = _attempt(workspace, job, number, told.get((job["job_id"], number)))
            if row is not None:
                if row["token"] in tokens:
                    row["token"] = secrets.token_hex(16)  # a copied folder: each attempt has its own token
                tokens.add(row["token"])
                attempts.append(row)
    tables["attempts"] = attempts


def _stories(entries: list[Row]) -> dict[tuple[str, int], _History]:
    found: dict[tuple[str, int], _History] = defaultdict(_History)
    for entry in entries:
        if entry["from_state"] == "queued" and entry["to_state"] == "running":
            key = (entry["job_id"], entry["attempt"])
            found[key] = found[key]._replace(started_at=entry["at"])
        elif entry["from_state"] == "running":
            detail = _detail(entry)
            key = (entry["job_id"], entry["attempt"] - (entry["to_state"] == "queued"))
            found[key] = found[key]._replace(
                finished_at=entry["at"], cause=detail.get("cause"), error=detail.get("error")
            )
    return found


def _detail(entry: Row) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        found = json.loads(entry["detail"])
        return found if isinstance(found, dict) else {}
    return {}


def _attempt(workspace: Workspace, job: Row, number: int, told: _History | None) -> Row | None:
    """Return the row of an attempt; None if nothing shows that it existed."""
    is_last = number == job["attempt"]
    is_live = is_last and job["state"] == "running"
    if is_last and job["state"] == "queued":
        return None
    folder = workspace.attempt_dir(job["run_id"], number)
    spec = _spec(folder, job["run_id"], number)
    if spec is None and told is None and not (is_last and job["started_at"]):
        return None
    token = spec["token"] if spec is not None else secrets.token_hex(16)
    record = exit_record.read(folder, token)
    told = told or _History()
    started_at = told.started_at or (record.started_at if record else None) or job["started_at"]
    row: Row = {
        "job_id": job["job_id"],
        "run_id": job["run_id"],
        "attempt": number,
        "token": token,
        "epoch": 0,
        "devices": json.dumps(_devices(spec)),
        "started_at": started_at or job["created_at"],
        "place": "slurm" if exit_record.is_elsewhere(folder) else None,
        **dict.fromkeys(("finished_at", "cause", "error", "exit_code", "signal")),
    }
    if is_live:
        return row
    row["finished_at"] = told.finished_at or (record.finished_at if record else None) or clock.now()
    return {**row, **_end(job if is_last else None, told, record)}


def _end(job: Row | None, told: _History, record: ExitRecord | None) -> Row:
    """Return how an attempt ended: from an entry, else from its job (last attempt), else from its record."""
    end: Row = {"cause": told.cause, "error": told.error}
    if end["cause"] is None and job is not None:
        end = {"cause": job["cause"], "error": job["error"]}
    if end["cause"] is None:
        end = {"cause": (_cause(record) if record else Cause.LOST).value, "error": None}
    if record is not None:
        # A run that a signal has ended has no exit code, unless it was canceled.
        has_code = record.signal is None or record.canceled or record.stopped
        end["exit_code"] = record.exit_code if has_code and not record.spawn_error else None
        end["signal"] = record.signal
    return end


def _cause(record: ExitRecord) -> Cause:
    for holds, cause in (
        (record.canceled, Cause.CANCELED),
        (record.stopped, Cause.STOPPED_EARLY),
        (record.spawn_errno is not None, Cause.POSTPONED),
        (record.spawn_error is not None, Cause.SPAWN_FAILED),
        (record.timed_out is not None or record.stalled is not None, Cause.TIMEOUT),
        (record.oom, Cause.OOM),
        (record.signal is not None, Cause.SIGNAL),
    ):
        if holds:
            return cause
    return Cause.EXIT


def _spec(folder: Path, run_id: str, number: int) -> Row | None:
    spec = document(folder / "spec.json")
    is_its_own = spec.get("run_id") == run_id and spec.get("attempt") == number
    return spec if is_its_own and isinstance(spec.get("token"), str) else None


def _devices(spec: Row | None) -> list[str]:
    with contextlib.suppress(LookupError, TypeError):
        grant = spec["payload"]["grant"] if spec is not None else {}
        devices = grant["devices"] if "devices" in grant else [grant["gpu"]]
        return [str(device["uuid"]) for device in devices]
    return []


def dry_run_seconds(workspace: Workspace, job: Row) -> Iterator[float]:
    """Yield how long the dry runs among the attempts of a job held their slot."""
    for number in range(1, job["attempt"] + 1):
        spec = _spec(workspace.attempt_dir(job["run_id"], number), job["run_id"], number)
        with contextlib.suppress(LookupError, TypeError, ValueError):
            if spec is not None:
                yield float(spec["payload"]["dry_run_seconds"])
