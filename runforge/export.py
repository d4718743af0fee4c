"""The JSON files that other programs read, written from the journal and never read back as truth.

Owns queue.json and group.json (docs/contract.md, sections 2 and 4). The daemon writes them while it
lives; else the command that changed something does, under the export lock.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runforge import failpoints, liveness
from runforge.durable import make_dir, write_atomic
from runforge.model import DaemonRow, Group, Job
from runforge.states import TERMINAL, Cause, State, group_status
from runforge.store import records
from runforge.store.connection import Journal, Transaction, exists, open_journal
from runforge.sweep import metric_direction
from runforge.workspace import Workspace


def encode(document: dict[str, Any]) -> bytes:
    """Return a document as the contract wants it: UTF-8, indented by two, no NaN."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def job_document(job: Job) -> dict[str, Any]:
    """Return a job as queue.json shows it."""
    return {
        "job_id": job.job_id,
        "kind": "run",
        "run_id": job.run_id,
        "group_id": job.group_id,
        "priority": job.priority,
        "state": job.state.value,
        "requires_gpu": job.requires_gpu,
        "attempt": job.attempt,
        "created_at": job.created_at,
        "started_at": job.started_at,
        "finished_at": job.finished_at,
        "error": job.error,
        "cause": job.cause,
        "cancel_requested": job.cancel_requested,
        "dry_run": job.dry_run_seconds is not None,
    }


def queue_document(daemon: DaemonRow, jobs: Iterable[Job], seq: int) -> dict[str, Any]:
    """Return queue.json."""
    return {
        "version": 1,
        "kind": "execution_queue",
        "journal_seq": seq,
        "max_parallel": daemon.max_parallel,
        "gpu_slots": daemon.gpu_slots,
        "last_served_group": daemon.last_served_group,
        "jobs": [job_document(job) for job in jobs],
    }


def result_ref(job: Job) -> str | None:
    """Return the path of a run's result.json from the workspace, once an attempt has left one."""
    if job.state not in TERMINAL or job.started_at is None or job.cause == Cause.FOLDER_MISSING:
        return None
    return f"{job.run_dir}/result.json"


def best_run(group: Group, jobs: Iterable[Job]) -> Job | None:
    """Return the succeeded run with the best primary metric, by the direction that holds for it."""
    scored = [j for j in jobs if j.state is State.SUCCEEDED and j.metric_value is not None]
    if not scored:
        return None
    direction = group.direction
    if group.objective_metric is None:
        direction = metric_direction(scored[0].metric_name or "", None)
    sign = -1.0 if direction == "minimize" else 1.0
    return max(scored, key=lambda job: (sign * (job.metric_value or 0.0), -job.seq))


def status_of(group: Group) -> str:
    """Return a group's status for people and files."""
    return group_status(
        queued=group.queued,
        running=group.running,
        failed=group.failed,
        canceled=group.canceled,
        is_canceled=group.is_canceled,
    )


def group_document(group: Group, jobs: list[Job]) -> dict[str, Any]:
    """Return group.json."""
    best = best_run(group, jobs)
    return {
        "version": 1,
        "kind": "run_group",
        "group_id": group.group_id,
        "created_at": group.created_at,
        "created_by": group.created_by,
        "name": group.name,
        "notes": group.notes,
        "plan_ref": "plan.json",
        "paused": group.is_paused,
        "status": status_of(group),
        "execution": {
            "max_parallel": group.max_parallel,
            "started_at": group.started_at or group.created_at,
            "finished_at": group.finished_at,
            "cancelled": group.is_canceled,
        },
        "runs": [_run_entry(job) for job in jobs],
        "summary": {
            "total": len(jobs),
            "succeeded": group.succeeded,
            "failed": group.failed,
            "canceled": group.canceled,
            "best_run_id": best.run_id if best else None,
            "best_primary_metric": metric(best) if best else None,
        },
    }


def metric(job: Job) -> dict[str, Any] | None:
    """Return a run's primary metric, or None."""
    if job.metric_name is None or job.metric_value is None:
        return None
    return {"name": job.metric_name, "value": job.metric_value}


def _run_entry(job: Job) -> dict[str, Any]:
    return {
        "run_id": job.run_id,
        "status": job.state.value,
        "request_overrides": json.loads(job.overrides),
        "result_ref": result_ref(job),
        "primary_metric": metric(job),
    }


@dataclass(frozen=True, slots=True)
class _Picture:
    """One consistent reading of what is to be exported."""

    seq: int
    queue: dict[str, Any]
    groups: dict[str, dict[str, Any]]


class Exporter:
    """Writes what has changed since it last wrote."""

    def __init__(self, workspace: Workspace, journal: Journal, seq: int = -1) -> None:
        self._workspace = workspace
        self._journal = journal
        self._seq = seq
        self._served: str | None = None
        self._looked: tuple[tuple[int, int], bool] | None = None
        self._written: dict[Path, tuple[int, int, int]] = {}

    def is_behind(self) -> bool:
        """Return whether the journal has entries that the files do not show yet."""
        version = self._journal.version()
        if self._looked is None or self._looked[0] != version:
            with self._journal.read() as tx:
                self._looked = version, self._newest(tx) != (self._seq, self._served)
        return self._looked[1]

    @staticmethod
    def _newest(tx: Transaction) -> tuple[int, str | None]:
        return tx.row("journal.last_seq")[0], tx.row("journal.daemon")["last_served_group"]

    def write(self) -> None:
        """Bring queue.json and every changed group.json up to date. Raises OSError."""
        with self._journal.read() as tx:
            picture = self._read(tx)
            newest = self._newest(tx)
        for path in _write_picture(self._workspace, picture):
            self._written[path] = _identity(path)
        self._seq, self._served = newest
        self._looked = None

    def look(self) -> None:
        """Have every file written anew at the next `write` if somebody else has touched one."""
        try:
            is_ours = all(_identity(path) == known for path, known in self._written.items())
        except OSError:
            is_ours = False
        if not is_ours:
            self._written.clear()
            self._seq = -1
            self._looked = None

    def _read(self, tx: Transaction) -> _Picture:
        changed = [row[0] for row in tx.rows("journal.groups_changed_since", seq=self._seq)]
        return _picture(tx, changed)


def _picture(tx: Transaction, group_ids: Iterable[str]) -> _Picture:
    daemon = records.daemon(tx.row("journal.daemon"))
    jobs = [records.job(row) for row in tx.rows("jobs.all")]
    seq = tx.row("journal.last_seq")[0]
    wanted = set(group_ids)
    members: dict[str, list[Job]] = {group_id: [] for group_id in wanted}
    for job in jobs:
        if job.group_id in wanted:
            members[job.group_id].append(job)
    groups = {}
    for group_id in sorted(wanted):
        row = tx.row("groups.by_id", group_id=group_id)
        if row is not None:
            groups[group_id] = group_document(records.group(row), members[group_id])
    return _Picture(seq, queue_document(daemon, jobs, seq), groups)


def _identity(path: Path) -> tuple[int, int, int]:
    info = os.lstat(path)
    return info.st_ino, info.st_size, info.st_mtime_ns


def _write_picture(workspace: Workspace, picture: _Picture) -> list[Path]:
    """Write the files and return which."""
    # Exports are a cache of the journal: atomic, but not synced to disk. The queue goes first, so
    # that whoever sees a group ended finds its jobs ended too.
    failpoints.hit("export.read")
    make_dir(workspace.queue_dir)
    write_atomic(workspace.queue_json, encode(picture.queue), durable=False)
    failpoints.hit("export.queue_written")
    written = [workspace.queue_json]
    for group_id, document in picture.groups.items():
        folder = workspace.group_dir(group_id)
        make_dir(folder)
        write_atomic(folder / "group.json", encode(document), durable=False)
        failpoints.hit("export.group_written")
        written.append(folder / "group.json")
    return written


def daemon_document(
    row: DaemonRow, *, heartbeat: str, jobs: int, gpu_jobs: int, state: str
) -> dict[str, Any]:
    """Return daemon.json."""
    return {
        "version": 1,
        "pid": row.pid,
        "started_at": row.started_at,
        "last_heartbeat": heartbeat,
        "max_parallel": row.max_parallel,
        "gpu_slots": row.gpu_slots,
        "active_jobs": jobs,
        "active_gpu_jobs": gpu_jobs,
        "state": state,
    }


@contextlib.contextmanager
def _export_lock(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def refresh_if_alone(workspace: Workspace) -> None:
    """Bring the exports up to date, unless a live daemon does so by itself.

    A disk that is full or read-only costs only freshness: the change itself is in the journal.
    """
    if liveness.holder(workspace) is not None:
        return
    with (
        contextlib.suppress(OSError),
        _export_lock(workspace.export_lock),
        open_journal(workspace) as journal,
    ):
        Exporter(workspace, journal, _exported_seq(workspace.queue_json)).write()


def _exported_seq(path: Path) -> int:
    """Return up to where the last export had read: a hint of what to write, -1 for everything."""
    try:
        seq = json.loads(path.read_bytes()).get("journal_seq")
    except (OSError, ValueError, AttributeError, RecursionError):
        return -1
    return seq if isinstance(seq, int) else -1


def check(workspace: Workspace) -> list[str]:
    """Return where the exported files differ from the journal, as sentences."""
    if not exists(workspace):
        return []
    with open_journal(workspace) as journal, journal.read() as tx:
        picture = _picture(tx, [row[0] for row in tx.rows("groups.ids")])
    found = _difference(workspace.queue_json, picture.queue)
    for group_id, document in picture.groups.items():
        found += _difference(workspace.group_dir(group_id) / "group.json", document)
    return found


def _difference(path: Path, document: dict[str, Any]) -> list[str]:
    try:
        seen = json.loads(path.read_bytes())
    except FileNotFoundError:
        return [f"{path} is missing"]
    except (OSError, ValueError, RecursionError) as error:
        return [f"{path} cannot be read: {error}"]
    if seen == json.loads(encode(document)):
        return []
    return [f"{path} differs from the journal"]
