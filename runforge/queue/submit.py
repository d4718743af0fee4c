"""Putting work into the queue: run folders durable first, then one transaction, then the doorbell.

A refused command leaves journal and files as they were; a crash between the two steps leaves at
most run folders that no job knows.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from typing import Any, NamedTuple

from runforge import __version__, clock, ids
from runforge.core.records import Job
from runforge.core.resources import of_device
from runforge.core.states import State
from runforge.documents.plan import Plan, parse_plan
from runforge.documents.request_file import read_request
from runforge.errors import (
    CanceledByUser,
    Missing,
    OperationFailed,
    RunForgeError,
)
from runforge.queue.run_folders import RunFolders
from runforge.store import records, targets, transitions
from runforge.store.journal import Journal, Transaction
from runforge.store.opening import open_journal
from runforge.sweeps.expand import RunOverrides, expand, metric_direction
from runforge.training.check import check_request
from runforge.workspace import Workspace

DEFAULT_MAX_RUNS = 10_000


class EnqueuedSweep(NamedTuple):
    """A group that was made from a plan."""

    group_id: str
    run_ids: tuple[str, ...]
    plan: Plan


def check_datasets(workspace: Workspace, runs: Sequence[RunOverrides]) -> None:
    """Check each distinct dataset and label column of a sweep once."""
    seen: set[tuple[str | None, str | None]] = set()
    for run in runs:
        key = (run.request.dataset_path, run.request.label_column)
        if key not in seen:
            seen.add(key)
            check_request(run.request, workspace.root)


def enqueue_sweep(
    workspace: Workspace,
    plan_bytes: bytes,
    *,
    where: str,
    max_runs: int = DEFAULT_MAX_RUNS,
    dry_run_seconds: float | None = None,
) -> EnqueuedSweep:
    """Make a group of runs from a plan, all of it or nothing.

    `dry_run_seconds` enqueues dry runs that hold their slot that long. Raises InvalidPlan,
    InvalidRequest or Missing before anything is written.
    """
    plan = parse_plan(plan_bytes, where=where)
    runs = expand(plan, limit=max_runs)
    check_datasets(workspace, runs)
    with open_journal(workspace, create=True) as journal:
        now = clock.now()
        numbers = _reserve(journal, len(runs))
        folders = RunFolders(workspace)
        try:
            group_id = folders.make_group(now, plan)
            run_ids = [ids.sweep_run_id(now, numbers[1] + index) for index in range(len(runs))]
            folders.make_runs(run_ids, [_stamped(run, group_id) for run in runs])
            parent = workspace.relative(workspace.runs_dir)
            jobs = [
                _values(numbers[0] + index, run_id, runs[index], now, parent, dry_run_seconds)
                for index, run_id in enumerate(run_ids)
            ]
            with journal.write() as tx:
                _insert_group(tx, plan, group_id, now, jobs)
        except BaseException as error:
            # Ctrl-C may come just after the commit: then the folders belong to jobs already.
            is_known = folders.remove_unless_known(journal)
            if isinstance(error, KeyboardInterrupt):
                what = (
                    f"all {len(runs)} runs are in the queue already" if is_known else "nothing was enqueued"
                )
                raise CanceledByUser(f"interrupted; {what}") from None
            raise
    return EnqueuedSweep(group_id, tuple(run_ids), plan)


def _reserve(journal: Journal, count: int) -> tuple[int, int]:
    with journal.write() as tx:
        first_job, first_run = tx.row("journal.reserve_numbers", jobs=count, runs=count)
    return first_job, first_run


def _stamped(run: RunOverrides, group_id: str) -> dict[str, Any]:
    return {**run.request.raw, "sweep_group_id": group_id}


def _values(
    job_number: int,
    run_id: str,
    run: RunOverrides,
    now: str,
    parent: str,
    dry_run_seconds: float | None,
) -> dict[str, Any]:
    return {
        "job_id": ids.job_id(now, job_number),
        "run_id": run_id,
        "run_dir": f"{parent}/{run_id}",
        "priority": 0,
        "needs": of_device(run.request.device_type),
        "dry_run_seconds": dry_run_seconds,
        "overrides": json.dumps(run.overrides),
        "now": now,
    }


def _insert_group(tx: Transaction, plan: Plan, group_id: str, now: str, jobs: list[dict[str, Any]]) -> None:
    metric = plan.objective.metric if plan.objective else None
    lane_id = tx.row("groups.new_lane")[0]
    tx.run(
        "groups.insert",
        group_id=group_id,
        lane_id=lane_id,
        name=plan.name,
        notes=plan.notes,
        now=now,
        created_by=f"runforge@{__version__}",
        max_parallel=plan.max_parallel,
        fail_fast=int(plan.fail_fast),
        objective_metric=metric,
        direction=metric_direction(metric or "", plan.objective),
    )
    for job in jobs:
        transitions.enqueue(tx, group_id=group_id, lane_id=lane_id, **job)


def enqueue_run(
    workspace: Workspace,
    run_id: str,
    *,
    group_id: str | None = None,
    priority: int = 0,
    dry_run_seconds: float | None = None,
    overrides: str = "{}",
) -> Job:
    """Enqueue the run of an existing run folder.

    Raises Missing without the folder, InvalidRequest for its request.json, OperationFailed if the
    run is in the queue already.
    """
    folder = workspace.find_run_dir(run_id)
    if folder is None:
        raise Missing(
            f"run folder not found: {workspace.run_dir(run_id)} (nor in .ml/runs)",
            fix="Make the folder and its request.json first",
        )
    request = read_request(folder / "request.json")
    check_request(request, workspace.root)
    with open_journal(workspace, create=True) as journal, journal.write() as tx:
        taken = tx.row("jobs.by_run_id", run_id=run_id)
        if taken is not None:
            raise _already(records.job(taken))
        found = targets.group(tx, group_id) if group_id is not None else None
        now = clock.now()
        number = tx.row("journal.reserve_numbers", jobs=1, runs=0)[0]
        transitions.enqueue(
            tx,
            of_device(request.device_type),
            job_id=ids.job_id(now, number),
            run_id=run_id,
            group_id=found.group_id if found else None,
            lane_id=found.lane_id if found else 1,
            run_dir=workspace.relative(folder),
            priority=priority,
            dry_run_seconds=dry_run_seconds,
            overrides=overrides,
            now=now,
        )
        if found is not None:
            tx.run("groups.set_canceled", group_id=found.group_id, is_canceled=0, now=now)
            tx.run("groups.settle", group_id=found.group_id, now=now)
        return records.job(tx.row("jobs.by_run_id", run_id=run_id))


def enqueue_copy(workspace: Workspace, old: Job) -> Job:
    """Make a new run with the request of an old one, and enqueue it beside it, in the same group.

    The copy says in `rerun_from` where it comes from. Raises as `enqueue_run` does.
    """
    request = read_request(workspace.root / old.run_dir / "request.json").raw
    with open_journal(workspace) as journal:
        number = _reserve(journal, 1)[1]
    run_id = ids.sweep_run_id(clock.now(), number)
    folders = RunFolders(workspace)
    folders.make_runs([run_id], [{**request, "rerun_from": old.run_id}])
    try:
        return enqueue_run(
            workspace,
            run_id,
            group_id=old.group_id,
            priority=old.priority,
            dry_run_seconds=old.dry_run_seconds,
            overrides=old.overrides,
        )
    except RunForgeError:  # it was refused, so no job knows the folder
        shutil.rmtree(workspace.run_dir(run_id), ignore_errors=True)
        raise


def _already(job: Job) -> OperationFailed:
    if job.state in {State.QUEUED, State.RUNNING}:
        fix = "Nothing was changed"
    elif job.state is State.SUCCEEDED:
        fix = "Copy its request into a new run folder to run it again"
    else:
        fix = f"Run it again with `runforge retry-run {job.run_id}`"
    return OperationFailed(f"run {job.run_id} is {job.state} already, as {job.job_id}", fix=fix)
