"""Replays the entries of one job, or of one group, and compares what they give with its row.

What is read of others is nothing: so very many jobs can be replayed one after the other (`store.verify`).
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from runforge.core import resources
from runforge.core.states import TRANSITIONS
from runforge.store import records

_NO_GATES = {"held": 0, "blockers": 0, "delayed": 0, "not_before": None}
#: What older versions did not know of a job.
PLAIN: dict[str, Any] = {
    "name": None,
    "tags": [],
    "notes": None,
    "env_id": None,
    "request_sha": None,
    "retry_rules": [],
    "version": 0,
    "is_resumable": 0,
    "on_lost": None,
    "yields": 0,
    "idle_yields": 0,
    "last_step": None,
}
#: The wishes for a running job; they end with its attempt.
WISHES: dict[str, Any] = {"frozen_at": None, "yield_requested": 0}
_LISTS = frozenset({"tags", "retry_rules"})
#: The fields of a job that its entries contain.
_TOLD = ("run_id", "state", "attempt", "priority", "needs", *_NO_GATES, *PLAIN, *WISHES)
#: The entries that give fields of a job new values.
_CHANGES = frozenset(
    {
        *("priority_set", "gates_set", "described", "edited"),
        *("resumable_set", "yields_counted", "frozen", "thawed", "yield_requested"),
    }
)
_EDGE = itemgetter("kind", "parent", "condition")
#: The fields of a group in its entry `group_described`.
_DESCRIBED = ("name", "notes", "objective_metric", "direction")
#: The moves that the entries may tell, and the event of each.
_MOVES: dict[tuple[str, str], str] = {
    (str(old), str(new)): event for (old, new), event in TRANSITIONS.items()
}
Told = dict[str, Any]


@functools.lru_cache(maxsize=10_000)
def end_of(story: str) -> tuple[str, int] | None:
    """Return the state and the attempt that a job's entries lead to; None unless they only enqueue and move it, as is allowed.

    The story is one of `journal.stories`. Nearly all jobs have one of very few.
    """
    (first, *_), *moves = json.loads(story)
    now, number = "queued", 1
    for event, before, after, number_after in moves:
        if before != now or _MOVES.get((before, after)) != event:
            return None
        now, number = after, number_after
    return (now, number) if first == "enqueued" else None


def job(job_id: str, entries: Iterable[Any]) -> tuple[Told | None, list[str]]:
    """Return what a job's entries give, None for a job that is gone; and the moves that are not allowed."""
    told: Told | None = None
    found: list[str] = []
    for entry in entries:
        event, detail = entry["event"], json.loads(entry["detail"])
        if event == "enqueued":
            told = {
                **_NO_GATES,
                **PLAIN,
                **WISHES,
                "edges": set(),
                "state": "queued",
                "attempt": 1,
                **_needed(detail),
            }
        elif event == "pruned":
            told = None
        elif told is not None:
            found += _change(job_id, told, entry, detail)
        elif entry["to_state"] is not None or event in _CHANGES:
            found.append(f"entry {entry['seq']} moves {job_id}, which was never enqueued")
    return told, found


def _change(job_id: str, told: Told, entry: Any, detail: dict[str, Any]) -> list[str]:
    event = entry["event"]
    if event in _CHANGES:
        told.update(detail)
    elif event == "needs_set":
        told["needs"] = resources.from_json(detail)
    elif event == "waits_for":
        told["edges"].add(_EDGE(detail))
    elif event == "waits_no_more":
        told["edges"].discard(_EDGE(detail))
    elif entry["to_state"] is not None:
        return _move(job_id, told, entry)
    return []


def _needed(detail: dict[str, Any]) -> dict[str, Any]:
    """Return an entry's detail with the run's needs. Version 1 said only whether it needs a GPU."""
    return {**detail, "needs": resources.from_json(detail.get("needs", detail))}


def _move(job_id: str, told: Told, entry: Any) -> list[str]:
    found = []
    if (
        _MOVES.get((entry["from_state"], entry["to_state"])) != entry["event"]
        or told["state"] != entry["from_state"]
    ):
        found.append(
            f"entry {entry['seq']} moves {job_id} from {told['state']} by "
            f"{entry['event']} to {entry['to_state']}, which is not allowed"
        )
    told["state"], told["attempt"] = entry["to_state"], entry["attempt"]
    told.update(WISHES)
    return found


def compare_job(job_id: str, told: Told | None, row: Any, edges: Iterable[Any]) -> list[str]:
    """Return where a job's entries do not give its row and what it waits for; a row of None is none."""
    if told is None:
        return [] if row is None else [f"{job_id} is in the table but not in the journal"]
    waits = set(map(_EDGE, edges))
    found = []
    if told["edges"] != waits:
        found.append(f"{job_id} waits for {sorted(waits)}, the journal says {sorted(told['edges'])}")
    if row is None:
        return [*found, f"{job_id} is in the journal but not in the table"]
    kept = {name: _kept(row, name) for name in _TOLD}
    return found + [
        f"{job_id}: {name} is {kept[name]!r}, the journal says {told[name]!r}"
        for name in _TOLD
        if kept[name] != told[name]
    ]


def _kept(row: Any, name: str) -> Any:
    if name == "needs":
        return records.needs(row)
    return json.loads(row[name]) if name in _LISTS else row[name]


def groups(entries: Iterable[Any]) -> dict[str, Told]:
    """Return what the entries of groups give."""
    told: dict[str, Told] = {}
    for entry in entries:
        if entry["event"].startswith("group_"):
            _group_event(told, entry["group_id"], entry["event"], json.loads(entry["detail"]))
    return told


def _group_event(groups: dict[str, Told], group_id: str, event: str, detail: dict[str, Any]) -> None:
    if event == "group_created":
        groups[group_id] = {
            "is_paused": 0,
            "is_canceled": 0,
            "is_open": 0,
            "run_limit": detail.get("run_limit"),
        }
    elif event == "group_pruned":
        groups.pop(group_id, None)
    elif event == "group_described":
        groups[group_id].update({name: detail[name] for name in _DESCRIBED if name in detail})
    elif event == "group_limited":
        groups[group_id]["run_limit"] = detail["run_limit"]
    elif event == "group_guarded":
        pass  # its breaker: no other table has it
    elif event in {"group_opened", "group_closed"}:
        groups[group_id]["is_open"] = int(event == "group_opened")
    elif event in {"group_paused", "group_resumed"}:
        groups[group_id]["is_paused"] = int(event == "group_paused")
    else:
        groups[group_id]["is_canceled"] = int(event == "group_canceled")


def compare_groups(told: dict[str, Told], rows: Iterable[Any]) -> list[str]:
    """Return where the entries of groups do not give these rows."""
    found = []
    for row in rows:
        replayed = told.pop(row["group_id"], None)
        if replayed is None:
            found.append(f"{row['group_id']} is in the table but not in the journal")
            continue
        found += [
            f"{row['group_id']}: {name} is {row[name]}, the journal says {replayed[name]}"
            for name in replayed
            if row[name] != replayed[name]
        ]
    return found + [f"{group_id} is in the journal but not in the table" for group_id in told]


def compare(
    entries: Iterable[Any], jobs: Iterable[Any], groups_: Iterable[Any], edges: Iterable[Any] = ()
) -> list[str]:
    """Return where a replay of some entries does not give these rows: for as many as fit into the memory."""
    of_job: dict[str, list[Any]] = {}
    of_groups: list[Any] = []
    for entry in entries:
        if entry["event"].startswith("group_"):
            of_groups.append(entry)
        else:
            of_job.setdefault(entry["job_id"], []).append(entry)
    waits: dict[str, list[Any]] = {}
    for edge in edges:
        waits.setdefault(edge["job_id"], []).append(edge)
    rows = {row["job_id"]: row for row in jobs}
    found: list[str] = []
    for job_id in {**of_job, **rows}:
        told, wrong = job(job_id, of_job.get(job_id, ()))
        found += [*wrong, *compare_job(job_id, told, rows.get(job_id), waits.get(job_id, ()))]
    return found + compare_groups(groups(of_groups), groups_)
