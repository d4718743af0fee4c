"""Sweeps to look at: queued as plans are, ended by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from runforge import clock
from runforge.cli import samples
from runforge.queue import submit
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

HYPER = "model.hyperparameters"
LR = {"path": f"{HYPER}.lr", "low": 1e-5, "high": 1e-1, "scale": "log"}
LAYERS = {"path": f"{HYPER}.layers", "low": 1, "high": 8}
OPT = {"path": f"{HYPER}.opt", "values": ["adam", "sgd", "lion"]}
GRID = {"type": "grid", "parameters": [{"path": f"{HYPER}.lr", "values": [0.1, 0.2]}]}
#: How a run has ended: its state, its cause, its metric.
End = tuple[str, "str | None", "float | None"]


def queue(
    ws: Workspace, strategy: Mapping[str, Any], *, objective: bool = True, name: str = "lm", **fixed: Any
) -> str:
    """Queue a sweep of a command; return its group's id."""
    model = {"family": "command", "command": ["python", "t.py", "{args}"], "hyperparameters": fixed}
    base = {**samples.request("logistic_regression"), "model": model}
    del base["dataset"]
    plan = {
        **samples.plan(str(ws.root)),
        "group": {"name": name},
        "base_request": base,
        "strategy": dict(strategy),
        "objective": {"metric": "loss", "direction": "minimize"},
    }
    if not objective:
        del plan["objective"]
    return submit.enqueue_sweep(ws, samples.encode(plan), where="plan.json").group_id


def searched(*parameters: Mapping[str, Any], number: int) -> dict[str, Any]:
    """Return a random strategy."""
    return {"type": "random", "number": number, "seed": 1, "parameters": list(parameters)}


def end(ws: Workspace, group_id: str, ends: Callable[[int, Mapping[str, Any]], End | None]) -> None:
    """Let each run end as `ends` says of its place and its row; None leaves it queued."""
    now = clock.now()
    with open_journal(ws) as journal, journal.write() as tx:
        execute = journal.connection.execute
        for place, row in enumerate(list(tx.rows("jobs.of_group", group_id=group_id))):
            ended = ends(place, row)
            if ended is None:
                continue
            state, cause, metric = ended
            execute(
                "UPDATE jobs SET state='running', started_at=?, updated_at=? WHERE seq=?",
                (now, now, row["seq"]),
            )
            execute(
                "UPDATE jobs SET state=?, cause=?, finished_at=?, updated_at=?, metric_name=?, metric_value=? WHERE seq=?",
                (state, cause, now, now, None if state == "failed" else "loss", metric, row["seq"]),
            )


def succeeded(metrics: Iterable[float | None]) -> Callable[[int, Mapping[str, Any]], End]:
    """Return ends with these metrics; None has diverged."""
    found = list(metrics)
    return lambda place, _row: ("succeeded", None, found[place])
