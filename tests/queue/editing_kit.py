"""Queued commands that a test edits, starts and looks at."""

from __future__ import annotations

from typing import Any

from runforge import clock
from runforge.core.outcome import Ending, Grant
from runforge.core.records import Job
from runforge.core.states import Cause, State
from runforge.documents import request_file
from runforge.documents.request import Request
from runforge.exports import exporter
from runforge.queue import ordering, submitting
from runforge.queue.environment import capture
from runforge.store import edges, records, transitions, verify
from runforge.store.opening import open_journal
from runforge.sweeps import values
from runforge.sweeps.combine import combine
from runforge.workspace import Workspace


def request_of(*command: str, **more: Any) -> dict[str, Any]:
    """Return the request of a command."""
    model = {"family": "command", "command": list(command), "hyperparameters": {}, "folder": "/"}
    made = {"version": 1, "preset": "custom", "device": {"type": "cpu"}, "created_at": "x", "created_by": "x"}
    return {**made, "model": model, **more}


def queued(ws: Workspace, *axes: str, group: str | None = None, **more: Any) -> list[Job]:
    """Queue `echo {lr} {seed}` as a sweep over the axes, or `echo 1`; return its jobs."""
    command = ("echo", "{lr}", "{seed}") if axes else ("echo", "1")
    sweep = combine([values.parse(axis) for axis in axes], (), [], 1000) if axes else None
    captured = capture({"PATH": "/usr/bin:/bin", "HOME": "/root"})
    order = ordering.Order(
        request_of(*command, environment=captured.document(), **more), "t", sweep=sweep, environment=captured
    )
    order = order._replace(submission=order.submission._replace(group=group))
    made = submitting.submit(ws, order, ordering.prepare(order))
    return [job(ws, job_id) for job_id in made.job_ids]


def job(ws: Workspace, job_id: str) -> Job:
    """Return a job as it is now."""
    with open_journal(ws) as journal, journal.read() as tx:
        return edges.known_job(tx, job_id)


def request(ws: Workspace, job_id: str) -> Request:
    """Return what a launch would run; it must be what the journal names."""
    now = job(ws, job_id)
    found, sha = request_file.read_of_run(ws.root / now.run_dir, now.request_sha)
    assert sha == now.request_sha
    return found


def start(ws: Workspace, job_id: str) -> Job:
    """Claim a job as a daemon does."""
    with open_journal(ws) as journal, journal.write() as tx:
        transitions.claim(tx, edges.known_job(tx, job_id), Grant(f"token-{job_id}", 0, 0), clock.now())
        return edges.known_job(tx, job_id)


def end(ws: Workspace, job_id: str, state: State = State.FAILED) -> Job:
    """End a running job."""
    with open_journal(ws) as journal, journal.write() as tx:
        running = records.job(tx.row("jobs.by_job_id", job_id=job_id))
        transitions.end(
            tx,
            running,
            Ending(state, Cause.EXIT, None if state is State.SUCCEEDED else "exit code 1"),
            clock.now(),
        )
        return edges.known_job(tx, job_id)


def files(ws: Workspace, job_id: str) -> list[str]:
    """Return the names of the request's files in a run's folder."""
    folder = ws.root / job(ws, job_id).run_dir
    return sorted(path.name for path in folder.iterdir() if path.name.startswith("request."))


def in_order(ws: Workspace) -> None:
    """Check journal and exports."""
    assert verify.check(ws) == []
    assert exporter.check(ws) == []


def on_disk(ws: Workspace, job_id: str) -> str:
    """Return the digest of a run's request.json."""
    data = (ws.root / job(ws, job_id).run_dir / "request.json").read_bytes()
    return request_file.digest(data)
