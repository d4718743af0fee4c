"""A sweep as a table of what varied against what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from runforge.store import records
from runforge.store.opening import open_snapshot
from runforge.views.lists import jobs as jobs_of
from runforge.views.ranking import direction_of
from runforge.views.shown import JobView, group_view
from runforge.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Trials:
    """A group's runs, best first, then those without a metric; the parameters that vary; the metric's name."""

    jobs: list[JobView]
    parameters: list[str]
    metric: str

    def against(self, parameter: str) -> tuple[list[tuple[float, float]], list[str]]:
        """Return (parameter, metric) points; a parameter that is no number counts its values: 0, 1, 2...

        The second list names those values, in that order, and is empty for numbers.
        """
        done = [job for job in self.jobs if job.metric_value is not None and parameter in job.overrides]
        values = [job.overrides[parameter] for job in done]
        metrics = [float(job.metric_value or 0.0) for job in done]
        if all(_is_number(value) for value in values):
            return list(zip(map(float, values), metrics, strict=True)), []
        names = list(dict.fromkeys(json.dumps(value) for value in values))
        places = [float(names.index(json.dumps(value))) for value in values]
        return list(zip(places, metrics, strict=True)), names


def read(workspace: Workspace, group_id: str) -> Trials:
    """Return the runs of a group in the order of its metric's direction."""
    with open_snapshot(workspace) as journal, journal.read() as tx:
        group = group_view(records.group(tx.row("groups.by_id", group_id=group_id)))
    jobs = jobs_of(workspace, group_id=group_id)
    metric = group.objective_metric or next((job.metric_name for job in jobs if job.metric_name), "") or ""
    sign = 1.0 if direction_of(group, metric) == "minimize" else -1.0
    jobs.sort(key=lambda job: (job.metric_value is None, sign * (job.metric_value or 0.0)))
    return Trials(jobs, _varying(jobs), metric)


def _varying(jobs: list[JobView]) -> list[str]:
    seen: dict[str, set[str]] = {}
    for job in jobs:
        for path, value in job.overrides.items():
            seen.setdefault(path, set()).add(json.dumps(value))
    varying = [path for path, values in seen.items() if len(values) > 1]
    return varying or list(seen)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
