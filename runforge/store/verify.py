"""Checks the journal: a replay of its entries must give its tables.

Used by `runforge doctor`, the gauntlets and the tests. A journal of any size is replayed job by job, and nothing is kept.
"""

from __future__ import annotations

import json
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from runforge.core import run_names
from runforge.core.states import State
from runforge.store import known_names, records, replay
from runforge.store.failures import explained
from runforge.store.journal import Transaction
from runforge.store.opening import exists, open_journal
from runforge.store.sqlite import connect
from runforge.workspace import Workspace

#: Is told how many jobs were replayed, and of how many.
Progress = Callable[[int, int], object]
_TOLD_EACH = 10_000


def check(
    workspace: Workspace, progress: Progress | None = None, *, then: Callable[[], object] | None = None
) -> list[str]:
    """Return every contradiction found, as sentences; empty when all is well.

    SQLite checks its pages on another processor meanwhile. That takes longest: `then` is what the caller has to do until
    it is done.
    """
    if not exists(workspace):
        return []
    with open_journal(workspace) as journal, explained(workspace.journal), ThreadPoolExecutor(1) as beside:
        unsound = beside.submit(_unsound_file, workspace)
        with journal.read() as tx:
            found = contradictions(tx, progress)
        if then is not None:
            then()
        return unsound.result() + found


def _unsound_file(workspace: Workspace) -> list[str]:
    connection = connect(workspace.journal)
    try:
        return _unsound(connection)
    finally:
        connection.close()


def unknown_runs(workspace: Workspace) -> list[str]:
    """Return runs that no entry names, of sweeps or started: the journal is older than they are.

    A command that makes a sweep at this moment has made its folders before it enqueues the runs.
    """
    if not exists(workspace):
        return []
    with open_journal(workspace) as journal, journal.read() as tx:
        left = set(known_names.unknown_run_ids(tx, _run_names(workspace)))
        for row in tx.rows("journal.runs_pruned") if left else ():
            left.difference_update(run_names.unpacked(json.loads(row[0]).get("runs", ())))
        if left:
            with tx.each("journal.runs_ever") as rows:
                left.difference_update(row[0] for row in rows)
    return sorted(left)


def _run_names(workspace: Workspace) -> Iterator[str]:
    """Yield the names of the runs that were started, and of the runs of sweeps."""
    for folder, is_meant in ((workspace.attempts_dir, ""), (workspace.runs_dir, "-sweep-")):
        if os.path.isdir(folder):
            with os.scandir(folder) as entries:
                yield from (entry.name for entry in entries if is_meant in entry.name)


def check_connection(connection: Any) -> list[str]:
    """Return every contradiction of an open journal."""
    found = _unsound(connection)
    connection.execute("BEGIN")
    try:
        return found + contradictions(Transaction(connection))
    finally:
        connection.execute("COMMIT")


def _unsound(connection: Any) -> list[str]:
    """Return what SQLite itself finds wrong in the file."""
    found = [
        f"integrity check: {row[0]}"
        for row in connection.execute("PRAGMA integrity_check").fetchall()
        if row[0] != "ok"
    ]
    return found + [
        f"foreign key of table {row[0]} is broken"
        for row in connection.execute("PRAGMA foreign_key_check").fetchall()
    ]


def contradictions(tx: Transaction, progress: Progress | None = None) -> list[str]:
    """Return where the tables differ from the entries or from each other."""
    running = tx.rows("jobs.running")
    return [
        *_compare_jobs(tx, progress),
        *_compare_groups(tx),
        *_compare_slots(running, tx.rows("attempts.slots")),
        *_compare_grants(tx, running),
        *_compare_counters(tx),
        *_compare_edges(tx),
    ]


def _compare_jobs(tx: Transaction, progress: Progress | None) -> Iterator[str]:
    """Yield where the entries of a job do not give its row."""
    total = sum(count or 0 for count in tx.row("jobs.totals")) if progress is not None else 0
    with tx.each("journal.stories") as jobs:
        for done, (job_id, story, state, attempt, is_usual) in enumerate(jobs, 1):
            if not is_usual or replay.end_of(story) != (state, attempt):
                yield from _compare_job(tx, job_id)
            if progress is not None and done % _TOLD_EACH == 0:
                progress(done, total)
    for row in tx.rows("journal.jobs_untold"):
        yield from _compare_job(tx, row["job_id"])


def _compare_job(tx: Transaction, job_id: str) -> list[str]:
    told, found = replay.job(job_id, tx.rows("journal.entries_of_job", job_id=job_id))
    row, edges = tx.row("jobs.by_job_id", job_id=job_id), tx.rows("edges.of_job", job_id=job_id)
    return found + replay.compare_job(job_id, told, row, edges)


def _compare_groups(tx: Transaction) -> list[str]:
    with tx.each("journal.entries_of_groups") as entries:
        told = replay.groups(entries)
    return replay.compare_groups(told, tx.rows("groups.all"))


def _compare_slots(running_jobs: list[Any], slots: list[Any]) -> list[str]:
    running = {row["job_id"] for row in running_jobs}
    holding = {row["job_id"] for row in slots}
    return [f"{job_id} is running without a slot" for job_id in running - holding]


def _compare_grants(tx: Transaction, running: list[Any]) -> list[str]:
    """Compare the GPU slots in use with what the running jobs need, and with the devices of their attempts."""
    granted: dict[str, list[str]] = defaultdict(list)
    for row in tx.rows("attempts.grants"):
        granted[row["job_id"]].append(row["device"] or "")
    needed = {row["job_id"]: row["gpus"] for row in running}
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
    counted: Counter[tuple[int, str]] = Counter()
    ready: Counter[tuple[int, int]] = Counter()
    for lane_id, shape_id, state, is_ready, jobs in tx.rows("jobs.count_by_lane"):
        counted[lane_id, state] += jobs
        ready[lane_id, shape_id] += jobs * is_ready
    kept = {row["lane_id"]: row for row in tx.rows("jobs.lane_counters")}
    found = [
        f"lane {lane_id}: the counter of {state} says {row[state]}, the table has {counted[lane_id, state]}"
        for lane_id, row in kept.items()
        for state in map(str, State)
        if row[state] != counted[lane_id, state]
    ]
    found += [
        f"lane {lane_id} has jobs but does not exist"
        for lane_id in {lane_id for lane_id, _ in counted} - kept.keys()
    ]
    wrong = {
        (row["lane_id"], row["shape_id"])
        for row in tx.rows("jobs.lane_needs")
        if ready.pop((row["lane_id"], row["shape_id"]), 0) != row["ready"] or not row["has_turn"]
    }
    wrong.update(need for need, jobs in ready.items() if jobs)
    return found + [
        f"lane {lane_id}: its ready jobs of need {shape_id}, or its turn, are wrong"
        for lane_id, shape_id in sorted(wrong)
    ]
