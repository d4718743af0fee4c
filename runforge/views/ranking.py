"""Which runs of a group are best; `core.ranking` decides it."""

from __future__ import annotations

from typing import NamedTuple

from runforge.core import ranking
from runforge.core.ranking import Ranking
from runforge.store import records
from runforge.store.opening import open_snapshot
from runforge.views.lists import jobs as jobs_of
from runforge.views.shown import JobView
from runforge.workspace import Workspace


class Ranked(NamedTuple):
    """A group's runs, and the ranked ones, best first; or why none is ranked."""

    by: Ranking
    jobs: list[JobView]
    best_first: list[JobView]
    why_none: str


def ranked(workspace: Workspace, group_id: str) -> Ranked:
    """Return the ranking of a group's runs."""
    with open_snapshot(workspace) as journal, journal.read() as tx:
        group = records.group(tx.row("groups.by_id", group_id=group_id))
    jobs = jobs_of(workspace, group_id=group_id)
    by = ranking.ranking(group.objective_metric, group.direction, ranking.first_metric(jobs))
    return Ranked(by, jobs, by.best_first(jobs), by.why_none(jobs))
