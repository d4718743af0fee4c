"""Checks the journal: a replay of its entries must give its tables.

Used by `runforge doctor`, the gauntlets and the tests.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from operator import itemgetter
from typing import Any

from runforge.core import resources
from runforge.core.states import TRANSITIONS, State
from runforge.store import records
from runforge.store.failures import explained
from runforge.store.journal import Transaction
from runforge.store.opening import exists, open_journal
from runforge.workspace import Workspace

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


def check(workspace: Workspace) -> list[str]:
    """Return every contradiction found, as sentences; empty when all is well."""
    if not exists(workspace):
        return []
    with open_journal(workspace) as journal, explained(workspace.journal):
        return check_connection(journal.connection)


def unknown_runs(workspace: Workspace) -> list[str]:
    """Return runs that no entry names, of sweeps or started: the journal is older than they are.

    A command that makes a sweep at this moment has made its folders before it enqueues the runs.
    """
    if not exists(workspace):
        return []
    with open_journal(workspace) as journal, journal.read() as tx:
        known = {row[0] for row in tx.rows("journal.runs_ever")}
    attempts = workspace.attempt_dir("run", 1).parent.parent
    started = [path.name for path in attempts.iterdir()] if attempts.is_dir() else []
    made = [path.name for path in workspace.runs_dir.glob("*-sweep-*")]
    return sorted({*started, *made} - known)


def check_connection(connection: Any) -> list[str]:
    """Return every contradiction of an open journal."""
    found = [
        f"integrity check: {row[0]}"
        for row in connection.execute("PRAGMA integrity_check").fetchall()
        if row[0] != "ok"
    ]
    found += [
        f"foreign key of table {row[0]} is broken"
        for row in connection.execute("PRAGMA foreign_key_check").fetchall()
    ]
    connection.execute("BEGIN")
    try:
        return found + contradictions(Transaction(connection))
    finally:
        connection.execute("COMMIT")


def contradictions(tx: Transaction) -> list[str]:
    """Return where the tables differ from the entries or from each other."""
    rows = tx.rows("jobs.all")
    return [
        *compare(tx.rows("journal.entries_all"), rows, tx.rows("groups.all"), tx.rows("edges.all")),
        *_compare_slots(rows, tx.rows("attempts.slots")),
        *_compare_grants(tx, rows),
        *_compare_counters(tx),
        *_compare_edges(tx),
    ]


def compare(entries: list[Any], jobs: list[Any], groups: list[Any], edges: Iterable[Any] = ()) -> list[str]:
    """Return where a replay of the entries does not give these rows."""
    replayed_jobs, replayed_groups, found = _fold(entries)
    waits: dict[str, set[Any]] = defaultdict(set)
    for edge in edges:
        waits[edge["job_id"]].add(_EDGE(edge))
    found += [
        f"{job_id} waits for {sorted(waits[job_id])}, the journal says {sorted(job['edges'])}"
        for job_id, job in replayed_jobs.items()
        if job["edges"] != waits[job_id]
    ]
    return found + _compare_jobs(replayed_jobs, jobs) + _compare_groups(replayed_groups, groups)


def _fold(entries: list[Any]) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]], list[str]]:
    """Replay the entries into jobs and groups; note moves that are not allowed."""
    jobs: dict[str, dict[str, Any]] = {}
    groups: dict[str, dict[str, Any]] = {}
    found: list[str] = []
    for entry in entries:
        event, job_id, detail = entry["event"], entry["job_id"], json.loads(entry["detail"])
        if event.startswith("group_"):
            _fold_group(groups, entry["group_id"], event, detail)
        elif event == "enqueued":
            jobs[job_id] = {
                **_NO_GATES,
                **PLAIN,
                **WISHES,
                "edges": set(),
                "state": "queued",
                "attempt": 1,
                **_needed(detail),
            }
        elif event == "pruned":
            jobs.pop(job_id, None)
        elif event in _CHANGES:
            jobs[job_id].update(detail)
        elif event == "needs_set":
            jobs[job_id]["needs"] = resources.from_json(detail)
        elif event == "waits_for":
            jobs[job_id]["edges"].add(_EDGE(detail))
        elif event == "waits_no_more":
            jobs[job_id]["edges"].discard(_EDGE(detail))
        elif entry["to_state"] is not None:
            found += _fold_move(jobs, entry)
    return jobs, groups, found


def _needed(detail: dict[str, Any]) -> dict[str, Any]:
    """Return an entry's detail with the run's needs. Version 1 said only whether it needs a GPU."""
    return {**detail, "needs": resources.from_json(detail.get("needs", detail))}


def _fold_group(groups: dict[str, dict[str, Any]], group_id: str, event: str, detail: dict[str, Any]) -> None:
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


def _fold_move(jobs: dict[str, dict[str, Any]], entry: Any) -> list[str]:
    job = jobs.get(entry["job_id"])
    if job is None:
        return [f"entry {entry['seq']} moves {entry['job_id']}, which was never enqueued"]
    found = []
    move = (State(entry["from_state"]), State(entry["to_state"]))
    if TRANSITIONS.get(move) != entry["event"] or job["state"] != entry["from_state"]:
        found.append(
            f"entry {entry['seq']} moves {entry['job_id']} from {job['state']} by "
            f"{entry['event']} to {entry['to_state']}, which is not allowed"
        )
    job["state"], job["attempt"] = entry["to_state"], entry["attempt"]
    job.update(WISHES)
    return found


def _compare_jobs(jobs: dict[str, dict[str, Any]], rows: list[Any]) -> list[str]:
    seen = {row["job_id"]: row for row in rows}
    found = [f"{job_id} is in the journal but not in the table" for job_id in jobs.keys() - seen.keys()]
    for job_id, row in seen.items():
        replayed = jobs.get(job_id)
        if replayed is None:
            found.append(f"{job_id} is in the table but not in the journal")
            continue
        kept = {name: _kept(row, name) for name in _TOLD}
        found += [
            f"{job_id}: {name} is {kept[name]!r}, the journal says {replayed[name]!r}"
            for name in _TOLD
            if kept[name] != replayed[name]
        ]
    return found


def _kept(row: Any, name: str) -> Any:
    if name == "needs":
        return records.needs(row)
    return json.loads(row[name]) if name in _LISTS else row[name]


def _compare_groups(groups: dict[str, dict[str, Any]], rows: list[Any]) -> list[str]:
    found = []
    for row in rows:
        replayed = groups.pop(row["group_id"], None)
        if replayed is None:
            found.append(f"{row['group_id']} is in the table but not in the journal")
            continue
        found += [
            f"{row['group_id']}: {name} is {row[name]}, the journal says {replayed[name]}"
            for name in replayed
            if row[name] != replayed[name]
        ]
    return found + [f"{group_id} is in the journal but not in the table" for group_id in groups]


def _compare_slots(jobs: list[Any], slots: list[Any]) -> list[str]:
    running = {row["job_id"] for row in jobs if row["state"] == "running"}
    holding = {row["job_id"] for row in slots}
    found = [f"{job_id} holds a slot but is not running" for job_id in holding - running]
    return found + [f"{job_id} is running without a slot" for job_id in running - holding]


def _compare_grants(tx: Transaction, jobs: list[Any]) -> list[str]:
    """Compare the GPU slots in use with what the running jobs need, and with the devices of their attempts."""
    granted: dict[str, list[str]] = defaultdict(list)
    for row in tx.rows("attempts.grants"):
        granted[row["job_id"]].append(row["device"] or "")
    needed = {row["job_id"]: row["gpus"] for row in jobs if row["state"] == "running"}
    found = [
        f"{job_id} holds {len(granted[job_id])} GPU slots and needs {needed.get(job_id, 0)}"
        for job_id in sorted({*granted, *needed})
        if len(granted[job_id]) != needed.get(job_id, 0)
    ]
    for attempt in map(records.attempt, tx.rows("attempts.running")):
        devices = [device for device in granted[attempt.job_id] if device]
        if sorted(devices) != sorted(attempt.devices):
            found.append(f"{attempt.job_id} was given {list(attempt.devices)} and holds {devices}")
    return found


def _compare_edges(tx: Transaction) -> list[str]:
    return [
        f"{row['job_id']} has {row['blockers']} blockers, and {row['unmet']} of its edges are not met"
        for row in tx.rows("edges.miscounted")
    ]


def _compare_counters(tx: Transaction) -> list[str]:
    counted: dict[int, Counter[str]] = defaultdict(Counter)
    for row in tx.rows("jobs.count_by_state"):
        counted[row["lane_id"]][row["state"]] = row["jobs"]
    kept = {row["lane_id"]: row for row in tx.rows("jobs.lane_counters")}
    found = [
        f"lane {lane_id}: the counter of {state} says {row[state]}, the table has {counted[lane_id][state]}"
        for lane_id, row in kept.items()
        for state in map(str, State)
        if row[state] != counted[lane_id][state]
    ]
    found += [f"lane {lane_id} has jobs but does not exist" for lane_id in counted.keys() - kept.keys()]
    return found + [
        f"lane {row['lane_id']}: its ready jobs of need {row['shape_id']}, or its turn, are wrong"
        for row in tx.rows("jobs.miscounted_needs")
    ]
