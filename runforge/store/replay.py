"""Whether a journal's tables are what its entries, replayed, give: every contradiction as a sentence."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from runforge.core.states import TRANSITIONS, State
from runforge.store.journal import Transaction


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
    tx = Transaction(connection)
    connection.execute("BEGIN")
    try:
        rows = tx.rows("jobs.all")
        found += compare(tx.rows("journal.entries_all"), rows, tx.rows("groups.all"))
        found += _compare_slots(rows, tx.rows("attempts.slots"))
        return found + _compare_counters(tx)
    finally:
        connection.execute("COMMIT")


def compare(entries: list[Any], jobs: list[Any], groups: list[Any]) -> list[str]:
    """Return where replaying the entries does not give these rows."""
    replayed_jobs, replayed_groups, found = _fold(entries)
    return found + _compare_jobs(replayed_jobs, jobs) + _compare_groups(replayed_groups, groups)


def _fold(entries: list[Any]) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]], list[str]]:
    """Replay the entries into jobs and groups, noting moves that the table does not allow."""
    jobs: dict[str, dict[str, Any]] = {}
    groups: dict[str, dict[str, Any]] = {}
    found: list[str] = []
    for entry in entries:
        event, detail = entry["event"], json.loads(entry["detail"])
        if event.startswith("group_"):
            _fold_group(groups, entry["group_id"], event)
        elif event == "enqueued":
            jobs[entry["job_id"]] = {"state": "queued", "attempt": 1, **detail}
        elif event == "pruned":
            jobs.pop(entry["job_id"], None)
        elif event == "priority_set":
            jobs[entry["job_id"]]["priority"] = detail["priority"]
        elif entry["to_state"] is not None:
            found += _fold_move(jobs, entry)
    return jobs, groups, found


def _fold_group(groups: dict[str, dict[str, Any]], group_id: str, event: str) -> None:
    if event == "group_created":
        groups[group_id] = {"is_paused": 0, "is_canceled": 0}
    elif event == "group_pruned":
        groups.pop(group_id, None)
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
    return found


def _compare_jobs(jobs: dict[str, dict[str, Any]], rows: list[Any]) -> list[str]:
    seen = {row["job_id"]: row for row in rows}
    found = [f"{job_id} is in the journal and not in the table" for job_id in jobs.keys() - seen.keys()]
    for job_id, row in seen.items():
        replayed = jobs.get(job_id)
        if replayed is None:
            found.append(f"{job_id} is in the table and not in the journal")
            continue
        found += [
            f"{job_id}: {name} is {row[name]!r}, the journal says {replayed[name]!r}"
            for name in ("run_id", "state", "attempt", "priority", "requires_gpu")
            if row[name] != replayed[name]
        ]
    return found


def _compare_groups(groups: dict[str, dict[str, Any]], rows: list[Any]) -> list[str]:
    found = []
    for row in rows:
        replayed = groups.pop(row["group_id"], None)
        if replayed is None:
            found.append(f"{row['group_id']} is in the table and not in the journal")
            continue
        found += [
            f"{row['group_id']}: {name} is {row[name]}, the journal says {replayed[name]}"
            for name in ("is_paused", "is_canceled")
            if row[name] != replayed[name]
        ]
    return found + [f"{group_id} is in the journal and not in the table" for group_id in groups]


def _compare_slots(jobs: list[Any], slots: list[Any]) -> list[str]:
    running = {row["job_id"] for row in jobs if row["state"] == "running"}
    holding = {row["job_id"] for row in slots if row["kind"] == "cpu"}
    found = [f"{job_id} holds a slot and is not running" for job_id in holding - running]
    return found + [f"{job_id} is running without a slot" for job_id in running - holding]


def _compare_counters(tx: Transaction) -> list[str]:
    counted: Counter[str] = Counter()
    for row in tx.rows("jobs.count_by_state"):
        counted[row["state"]] += row["jobs"]
    kept = tx.row("jobs.totals")
    return [
        f"the counter of {state} says {kept[state]}, the table has {counted[state]}"
        for state in ("queued", "running", "succeeded", "failed", "canceled")
        if (kept[state] or 0) != counted[state]
    ]
