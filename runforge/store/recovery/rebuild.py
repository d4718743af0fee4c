"""Writes a journal from saved rows; numbers, counters and entries are made to agree with the tables.

The triggers are removed while rows are inserted, because they allow only normal changes of a job. Then they
are restored, and the result is checked by a replay.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from runforge import clock
from runforge.core.states import TRANSITIONS, State
from runforge.store import migrate, records, replay, verify
from runforge.store.queries import query
from runforge.store.recovery import modern, waiting
from runforge.store.recovery.salvage import Row
from runforge.store.sqlite import sqlite

#: The numbers of ids that we have made; others do not count.
_NUMBER = re.compile(r"(?:job_\d{8}_\d{6}_|\d{8}-\d{6}-sweep-)(\d{1,12})")
_UNGROUPED = 1


def write(path: Path, tables: dict[str, list[Row]]) -> list[str]:
    """Write a journal from the rows; return its contradictions, none if all is well."""
    for suffix in ("", "-wal", "-shm"):
        Path(f"{path}{suffix}").unlink(missing_ok=True)
    connection = sqlite.connect(str(path), isolation_level=None)
    connection.row_factory = sqlite.Row
    try:
        migrate.migrate(connection, path)
        connection.execute("BEGIN IMMEDIATE")
        triggers = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for trigger in triggers:
            connection.execute(f"DROP TRIGGER {trigger['name']}")
        _fill(connection, tables)
        for trigger in triggers:
            connection.execute(trigger["sql"])
        connection.execute("COMMIT")
        problems = verify.check_connection(connection)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    finally:
        connection.close()
    return problems


def _fill(connection: Any, tables: dict[str, list[Row]]) -> None:
    modern.bring_up(tables)
    _number(tables)
    waiting.mend(tables)
    _give_slots(tables["jobs"])
    shapes = modern.shapes(tables["jobs"])
    for name in ("lanes", "daemon", "shapes"):
        connection.execute(f"DELETE FROM {name}")  # noqa: S608
    for name, rows in (
        ("shapes", shapes),
        ("lanes", _lanes(tables)),
        ("groups", tables["groups"]),
        ("sweeps", tables["sweeps"]),
        ("jobs", sorted(tables["jobs"], key=lambda job: job["seq"])),
        ("attempts", tables["attempts"]),
        ("dependencies", tables["dependencies"]),
        ("device_grants", modern.grants(tables)),
        ("daemon", [_daemon(tables)]),
        ("journal", _entries(tables)),
    ):
        columns = [row["name"] for row in connection.execute(f"PRAGMA table_info({name})").fetchall()]
        for row in rows:
            known = {column: row[column] for column in columns if column in row}
            names, marks = ", ".join(known), ", ".join("?" * len(known))
            values = tuple(known.values())
            connection.execute(f"INSERT INTO {name} ({names}) VALUES ({marks})", values)  # noqa: S608
    connection.execute(query("jobs.count_ready"))


def _number(tables: dict[str, list[Row]]) -> None:
    """Give numbers to lanes and jobs without one."""
    jobs, groups = tables["jobs"], tables["groups"]
    lane = max([_UNGROUPED, *(group["lane_id"] or 0 for group in groups)])
    for group in groups:
        if group["lane_id"] is None:
            lane += 1
            group["lane_id"] = lane
    of_group = {group["group_id"]: group["lane_id"] for group in groups}
    seq = max([0, *(job["seq"] or 0 for job in jobs)])
    for job in jobs:
        if job["group_id"] not in of_group:
            job["group_id"] = None
        job["lane_id"] = of_group.get(job["group_id"], _UNGROUPED)
        if job["seq"] is None:
            seq += 1
            job["seq"] = seq


def _lanes(tables: dict[str, list[Row]]) -> list[Row]:
    served = {lane["lane_id"]: lane["served"] for lane in tables["lanes"]}
    paused = {group["lane_id"]: group["is_paused"] for group in tables["groups"]}
    limits = {group["lane_id"]: group["run_limit"] for group in tables["groups"]}
    counts: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for job in tables["jobs"]:
        counts[job["lane_id"]][job["state"]] += 1
    return [
        {
            "lane_id": lane_id,
            "served": served.get(lane_id, 0),
            "is_paused": paused.get(lane_id, 0),
            "run_limit": limits.get(lane_id),
            **counts[lane_id],
        }
        for lane_id in sorted({_UNGROUPED, *paused})
    ]


def _give_slots(jobs: list[Row]) -> None:
    running = [job for job in jobs if job["state"] == "running"]
    for number, job in enumerate(running):
        job["slot"] = number


def _daemon(tables: dict[str, list[Row]]) -> Row:
    row: Row = dict(tables["daemon"][0]) if tables["daemon"] else {"one": 1}
    epochs = [row.get("epoch") or 0, *(attempt["epoch"] for attempt in tables["attempts"])]
    row["epoch"] = max(epochs) + 1
    row["state"] = "stopped"
    row["wanted"] = "run"
    for name, key in (("next_job", "job_id"), ("next_run", "run_id")):
        used = [int(found[1]) for job in tables["jobs"] if (found := _NUMBER.fullmatch(job[key]))]
        row[name] = max([row.get(name) or 1, *(number + 1 for number in used)])
    return row


def _entries(tables: dict[str, list[Row]]) -> list[Row]:
    """Return the saved entries of complete jobs and groups, and the fewest entries for the rest."""
    saved: dict[str, list[Row]] = defaultdict(list)
    for entry in tables["journal"]:
        saved[entry["job_id"] or entry["group_id"] or ""].append(entry)
    kept: list[Row] = []
    told: list[Row] = []
    for group in tables["groups"]:
        entries = [entry for entry in saved[group["group_id"]] if entry["event"].startswith("group_")]
        is_whole = _is_told(entries, [], [group])
        (kept if is_whole else told).extend(entries if is_whole else _story_of_group(group))
    waits: dict[str, list[Row]] = defaultdict(list)
    for edge in tables["dependencies"]:
        waits[edge["job_id"]].append(edge)
    for job in tables["jobs"]:
        entries, edges = saved[job["job_id"]], waits[job["job_id"]]
        is_whole = _is_told(entries, [job], [], edges)
        (kept if is_whole else told).extend(entries if is_whole else _story_of_job(job, edges))
    kept += [entry for entry in tables["journal"] if entry["event"] == "pruned" and not entry["job_id"]]
    kept.sort(key=lambda entry: entry["seq"])
    last = max([0, *(entry["seq"] for entry in tables["journal"])])
    return kept + [{"seq": last + number, **entry} for number, entry in enumerate(told, 1)]


def _is_told(entries: list[Row], jobs: list[Row], groups: list[Row], edges: Iterable[Row] = ()) -> bool:
    with contextlib.suppress(KeyError, ValueError, TypeError):
        return not replay.compare(entries, jobs, groups, edges)
    return False


def _entry(row: Row, event: str, **more: Any) -> Row:
    return {"at": clock.now(), "event": event, "group_id": row["group_id"], **more}


def _story_of_group(group: Row) -> list[Row]:
    first = {"name": group["name"], "run_limit": group["run_limit"]}
    story = [_entry(group, "group_created", detail=json.dumps(first))]
    if group["is_paused"]:
        story.append(_entry(group, "group_paused"))
    if group["is_open"]:
        story.append(_entry(group, "group_opened"))
    if group["is_canceled"]:
        story.append(_entry(group, "group_canceled"))
    return story


def _story_of_job(job: Row, edges: Iterable[Row]) -> list[Row]:
    """Return the fewest moves that lead to a job's state, marked as `recovered`."""
    needs = records.needs(job)
    detail = {"run_id": job["run_id"], "priority": job["priority"], "needs": needs.to_json()}
    detail["requires_gpu"] = int(needs.requires_gpu)
    for name, usual in replay.PLAIN.items():
        detail[name] = json.loads(job[name]) if isinstance(usual, list) else job[name]
    first = _entry(job, "enqueued", job_id=job["job_id"], to_state="queued", attempt=1)
    story = [{**first, "detail": json.dumps({**detail, "recovered": True})}]
    if modern.is_gated(job):
        gates = {name: job[name] for name in modern.GATES}
        story.append(_entry(job, "gates_set", job_id=job["job_id"], attempt=1, detail=json.dumps(gates)))
    for edge in edges:
        parent = json.dumps({name: edge[name] for name in ("kind", "parent", "condition")})
        story.append(_entry(job, "waits_for", job_id=job["job_id"], attempt=1, detail=parent))
    moves = [(State.QUEUED, State.RUNNING), (State.RUNNING, State.QUEUED)] * (job["attempt"] - 1)
    state = State(job["state"])
    if state is not State.QUEUED and (job["started_at"] or state is State.SUCCEEDED):
        moves.append((State.QUEUED, State.RUNNING))
    start = moves[-1][1] if moves else State.QUEUED
    if state is not start:
        moves.append((start, state))
    attempt = 1
    for move in moves:
        attempt += move == (State.RUNNING, State.QUEUED)
        states = {"from_state": move[0].value, "to_state": move[1].value}
        story.append(_entry(job, TRANSITIONS[move], job_id=job["job_id"], attempt=attempt, **states))
    if job.get("stop_reason"):
        detail_of = {"attempt": attempt, "detail": job["stop_reason"]}
        story.append(_entry(job, "stop_decided", job_id=job["job_id"], **detail_of))
    return story + [
        _entry(job, event, job_id=job["job_id"], attempt=attempt, detail=json.dumps({name: job[name]}))
        for event, name in (("frozen", "frozen_at"), ("yield_requested", "yield_requested"))
        if job[name]
    ]
