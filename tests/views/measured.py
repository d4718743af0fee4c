"""A workspace whose runs have ended with metrics, without starting a process."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runforge.cli import samples
from runforge.documents import environment
from runforge.queue import submit
from runforge.store.opening import open_journal
from runforge.views import lists
from runforge.views.shown import JobView
from runforge.workspace import Workspace

_END = "2026-01-31T12:00:09.500Z"
_START = "2026-01-31T12:00:00.000Z"


def enqueue(
    ws: Workspace,
    runs: Sequence[dict[str, Any]],
    *,
    objective: tuple[str, str] | None = None,
    name: str = "lm",
    command: Sequence[str] = ("python", "train.py", "{args}"),
    **hyperparameters: Any,
) -> list[JobView]:
    """Queue a sweep over hyperparameters; return its runs."""
    model = {"family": "command", "command": list(command), "hyperparameters": hyperparameters}
    plan = samples.plan(str(ws.root))
    plan["base_request"] = {**samples.request(), "model": model}
    plan["group"] = {"name": name}
    plan["strategy"] = {
        "type": "list",
        "runs": [{f"model.hyperparameters.{k}": v for k, v in run.items()} for run in runs],
    }
    if objective is not None:
        plan["objective"] = {"metric": objective[0], "direction": objective[1]}
    before = {job.run_id for job in lists.jobs(ws)}
    submit.enqueue_sweep(ws, samples.encode(plan), where="plan.json")
    return [job for job in lists.jobs(ws) if job.run_id not in before]


def end(
    ws: Workspace,
    job: JobView,
    state: str = "succeeded",
    *,
    primary: tuple[str, float | None] | None = None,
    error: str | None = None,
    points: Sequence[dict[str, Any]] = (),
    last_values: dict[str, Any] | None = None,
) -> None:
    """Let a run end with these metrics."""
    folder = ws.root / job.run_dir
    (folder / "metrics.jsonl").write_text("".join(json.dumps(point) + "\n" for point in points))
    result = {"version": 1, "status": state, "last_values": last_values or {}}
    (folder / "result.json").write_text(json.dumps(result))
    name, value = primary or (None, None)
    with open_journal(ws) as journal, journal.write():
        run = journal.connection.execute
        run("UPDATE jobs SET state = 'running', started_at = ? WHERE seq = ?", (_START, job.number))
        run(
            "UPDATE jobs SET state = ?, finished_at = ?, error = ?, metric_name = ?, metric_value = ? WHERE seq = ?",
            (state, _END, error, name, value, job.number),
        )


def keep_environment(ws: Workspace, variables: dict[str, str], *jobs: JobView) -> Path:
    """Store an environment for these runs; return its file."""
    data = environment.encode(variables)
    path = ws.env_file(environment.digest(data))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    with open_journal(ws) as journal, journal.write():
        for job in jobs:
            journal.connection.execute("UPDATE jobs SET env_id = ? WHERE seq = ?", (path.stem, job.number))
    return path
