"""Restores what waits for what: edges that a damage has lost, and those that their parents have decided meanwhile.

The entries tell each edge. Who would wait for the impossible is canceled, as its parent's end would have done.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter, defaultdict
from typing import Any

from runforge import clock
from runforge.core.dependencies import RUN, group_holds, run_holds
from runforge.core.states import LIVE, Cause, State
from runforge.store.recovery.salvage import Row

_LOST = "not started: what it waited for has ended otherwise, as a damaged journal shows"


def mend(tables: dict[str, list[Row]]) -> None:
    """Bring edges, blockers and the jobs that wait in vain into agreement; all have their columns already."""
    jobs = {job["job_id"]: job for job in tables["jobs"]}
    groups = {group["group_id"]: group for group in tables["groups"]}
    edges = _edges(tables, jobs, groups)
    while _decide(edges, jobs, groups):
        pass
    unmet = Counter(edge["job_id"] for edge in edges if not edge["met"])
    for job_id, job in jobs.items():
        job["blockers"] = unmet[job_id]
    tables["dependencies"] = edges


def _edges(tables: dict[str, list[Row]], jobs: dict[str, Row], groups: dict[str, Row]) -> list[Row]:
    """Return the edges between what is there: the saved ones, and those that only the entries tell."""
    found = {_key(edge): edge for edge in tables.get("dependencies", ())}
    for entry in tables["journal"]:
        with contextlib.suppress(ValueError, LookupError, TypeError):
            if entry["event"] == "waits_for":
                edge = {**json.loads(entry["detail"]), "job_id": entry["job_id"], "met": 0}
                found.setdefault(_key(edge), edge)
            elif entry["event"] == "waits_no_more":
                found.pop(_key({**json.loads(entry["detail"]), "job_id": entry["job_id"]}), None)
    known = {"run": jobs, "group": groups}
    return [
        edge for edge in found.values() if edge["job_id"] in jobs and edge["parent"] in known[edge["kind"]]
    ]


def _key(edge: Row) -> tuple[Any, ...]:
    return edge["job_id"], edge["kind"], edge["parent"], edge["condition"]


def _decide(edges: list[Row], jobs: dict[str, Row], groups: dict[str, Row]) -> bool:
    """Meet what holds and cancel who waits in vain; return whether another look is needed."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for job in jobs.values():
        counts[job["group_id"]][job["state"]] += 1
    canceled = False
    for edge in edges:
        if edge["met"]:
            continue
        if jobs[edge["job_id"]]["state"] in {State.RUNNING.value, State.SUCCEEDED.value}:
            edge["met"] = 1  # it was started, so it held
            continue
        holds = _holds(edge, jobs, groups, counts)
        edge["met"] = int(holds is True)
        if holds is False and jobs[edge["job_id"]]["state"] == State.QUEUED.value:
            now = clock.now()
            end = {"state": State.CANCELED.value, "finished_at": now, "updated_at": now}
            jobs[edge["job_id"]].update(end, error=_LOST, cause=Cause.DEPENDENCY.value)
            canceled = True
    return canceled


def _holds(
    edge: Row, jobs: dict[str, Row], groups: dict[str, Row], counts: dict[str, Counter[str]]
) -> bool | None:
    if edge["kind"] == RUN:
        parent = jobs[edge["parent"]]
        started = parent["started_at"] is not None
        return run_holds(edge["condition"], State(parent["state"]), had_started=started)
    group, count = groups[edge["parent"]], counts[edge["parent"]]
    is_open = bool(group["is_open"]) and not group["is_canceled"]
    is_over = not is_open and not any(count[state.value] for state in LIVE)
    return group_holds(
        edge["condition"],
        is_over=is_over,
        total=sum(count.values()),
        succeeded=count[State.SUCCEEDED.value],
        failed=count[State.FAILED.value],
    )
