"""Which runs of a group are best, by the direction that holds for its metric."""

from __future__ import annotations

from runforge.store import records
from runforge.store.opening import open_snapshot
from runforge.sweeps.expand import metric_direction
from runforge.views.lists import jobs
from runforge.views.shown import GroupView, JobView, group_view
from runforge.workspace import Workspace


def direction_of(group: GroupView, metric_name: str | None) -> str:
    """Return `maximize` or `minimize`: what the plan said, else what the metric's name says."""
    if group.objective_metric is not None:
        return group.direction
    return metric_direction(metric_name or "", None)


def best_first(workspace: Workspace, group_id: str) -> list[JobView]:
    """Return the group's succeeded runs that have a primary metric, best first."""
    with open_snapshot(workspace) as journal, journal.read() as tx:
        group = group_view(records.group(tx.row("groups.by_id", group_id=group_id)))
    found = jobs(workspace, group_id=group_id, state="succeeded")
    scored = [job for job in found if job.metric_value is not None]
    if not scored:
        return []
    sign = -1.0 if direction_of(group, scored[0].metric_name) == "minimize" else 1.0
    return sorted(scored, key=lambda job: -sign * (job.metric_value or 0.0))
