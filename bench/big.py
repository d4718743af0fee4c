"""Makes a journal with very many jobs, through the real schema and its triggers."""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import tempfile
from pathlib import Path

from runforge import clock, ids
from runforge import workspace as workspaces
from runforge.core.resources import Resources
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import open_journal
from runforge.store.transitions import enqueue
from runforge.workspace import Workspace

#: A folder that keeps journals between two calls: to make one of a million jobs takes minutes.
CACHE = "BENCH_JOURNALS"


def fresh(jobs: int, groups: int, *, ended: float = 0.9) -> Workspace:
    """Return a new workspace as `make` does: a copy of the one in the cache, where it is made first if it is not there."""
    target = Path(tempfile.mkdtemp(prefix="bench-")) / "ws"
    kept = os.environ.get(CACHE)
    if kept is None:
        _make_aside(target, jobs, groups, ended)
        return workspaces.at(target)
    made = Path(kept) / f"{jobs}-{groups}-{ended}"
    if not made.exists():
        new = made.with_name(f"{made.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        _make_aside(new, jobs, groups, ended)
        new.rename(made)
    shutil.copytree(made, target)
    here = workspaces.at(target)
    with open_journal(here) as journal, journal.write():
        pass  # the copy is the queue now: commands need not look which file is
    return here


def _make_aside(root: Path, jobs: int, groups: int, ended: float) -> None:
    """Make it in a process of its own: the kernel counts the memory of whoever spawns a command as the command's."""
    child = multiprocessing.get_context("fork").Process(
        target=make, args=(root, jobs, groups), kwargs={"ended": ended}
    )
    child.start()
    child.join()
    if child.exitcode:
        raise SystemExit(f"bench: making {jobs} jobs failed")


def make(root: Path, jobs: int, groups: int, *, ended: float = 0.9) -> Workspace:
    """Return a workspace with this many jobs and groups; a share of the jobs has ended, the rest wait."""
    root.mkdir(parents=True, exist_ok=True)
    here = workspaces.at(root)
    now = clock.now()
    with open_journal(here, create=True) as journal:
        with journal.write() as tx:
            tx.row("journal.reserve_numbers", jobs=jobs, runs=jobs)  # later runs get the numbers after these
            lanes = [_insert_group(tx, number, now) for number in range(groups)]
            for number in range(1, jobs + 1):
                _insert_job(tx, number, lanes[number % groups], now)
            _end(journal, round(jobs * ended))
        journal.checkpoint()
    return here


def _insert_group(tx: Transaction, number: int, now: str) -> tuple[str, int]:
    group_id = ids.group_id(now, f"sweep {number}", repeat=1)
    lane_id = tx.row("groups.new_lane")[0]
    tx.run(
        "groups.insert",
        group_id=group_id,
        lane_id=lane_id,
        name=f"sweep {number}",
        notes=None,
        now=now,
        created_by="bench",
        max_parallel=2,
        fail_fast=0,
        objective_metric="accuracy",
        direction="maximize",
    )
    return group_id, lane_id


def _insert_job(tx: Transaction, number: int, lane: tuple[str, int], now: str) -> None:
    run_id = ids.sweep_run_id(now, number)
    enqueue(
        tx,
        Resources(),
        job_id=ids.job_id(now, number),
        run_id=run_id,
        group_id=lane[0],
        lane_id=lane[1],
        run_dir=f".runforge/runs/{run_id}",
        priority=0,
        dry_run_seconds=None,
        overrides=json.dumps({"model.hyperparameters.C": number % 50}),
        now=now,
    )


def _end(journal: Journal, last: int) -> None:
    """Give the jobs up to a number an end: one of ten fails."""
    run = journal.connection.execute
    run("UPDATE jobs SET state = 'running', started_at = created_at WHERE seq <= ?", (last,))
    run(
        "UPDATE jobs SET state = iif(seq % 10, 'succeeded', 'failed'), finished_at = created_at,"
        " error = iif(seq % 10, NULL, 'exit code 3'), metric_name = 'accuracy',"
        " metric_value = abs(random() % 1000) / 1000.0 WHERE seq <= ?",
        (last,),
    )
