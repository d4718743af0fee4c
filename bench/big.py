"""Makes a journal with very many jobs, through the real schema and its triggers."""

from __future__ import annotations

import json
from pathlib import Path

from runforge import clock, ids
from runforge import workspace as workspaces
from runforge.core.resources import Resources
from runforge.store.opening import open_journal
from runforge.store.transitions import enqueue
from runforge.workspace import Workspace


def make(root: Path, jobs: int, groups: int, *, ended: float = 0.9) -> Workspace:
    """Return a workspace with this many jobs and groups; a share of the jobs has ended, the rest wait."""
    root.mkdir(parents=True, exist_ok=True)
    here = workspaces.at(root)
    now = clock.now()
    last = round(jobs * ended)
    with open_journal(here, create=True) as journal:
        with journal.write() as tx:
            tx.row("journal.reserve_numbers", jobs=jobs, runs=jobs)  # later jobs continue from there
            lanes = []
            for number in range(groups):
                group_id = ids.group_id(now, f"sweep {number}", repeat=1)
                lane_id = tx.row("groups.new_lane")[0]
                lanes.append((group_id, lane_id))
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
            for number in range(1, jobs + 1):
                group_id, lane_id = lanes[number % groups]
                run_id = ids.sweep_run_id(now, number)
                enqueue(
                    tx,
                    Resources(),
                    job_id=ids.job_id(now, number),
                    run_id=run_id,
                    group_id=group_id,
                    lane_id=lane_id,
                    run_dir=f".runforge/runs/{run_id}",
                    priority=0,
                    dry_run_seconds=None,
                    overrides=json.dumps({"model.hyperparameters.C": number % 50}),
                    now=now,
                )
            run = journal.connection.execute
            run("UPDATE jobs SET state = 'running', started_at = created_at WHERE seq <= ?", (last,))
            run(
                "UPDATE jobs SET state = iif(seq % 10, 'succeeded', 'failed'), finished_at = created_at,"
                " error = iif(seq % 10, NULL, 'exit code 3'), metric_name = 'accuracy',"
                " metric_value = abs(random() % 1000) / 1000.0 WHERE seq <= ?",
                (last,),
            )
        journal.checkpoint()
    return here
