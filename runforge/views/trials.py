"""A sweep as a table: the varied values and the results."""

from __future__ import annotations

import json
from dataclasses import dataclass

from runforge.core.states import State
from runforge.views.ranking import ranked
from runforge.views.shown import JobView
from runforge.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


@dataclass(frozen=True, slots=True)
class Trials:
    """A group's runs, the ranked ones first; the parameters that vary; the metric's name.

    `why_none` says why no run is ranked although some have succeeded.
    """

    jobs: list[JobView]
    parameters: list[str]
    metric: str
    ranked: int = 0
    why_none: str = ""

    def against(self, parameter: str) -> tuple[list[tuple[float, float]], list[str]]:
        """Return (parameter, metric) points; for a parameter without numbers its values count 0, 1, 2...

        The second list has these values, in that order, and is empty for numbers.
        """
        done = self.measured(parameter)
        values = [job.overrides[parameter] for job in done]
        metrics = [float(job.metric_value or 0.0) for job in done]
        if all(_is_number(value) for value in values):
            return list(zip(map(float, values), metrics, strict=True)), []
        names = list(dict.fromkeys(json.dumps(value) for value in values))
        places = [float(names.index(json.dumps(value))) for value in values]
        return list(zip(places, metrics, strict=True)), names

    def measured(self, parameter: str) -> list[JobView]:
        """Return the runs that have both a value of this parameter and one of the metric."""
        return [job for job in self.jobs if self._is_measured(job) and parameter in job.overrides]

    def _is_measured(self, job: JobView) -> bool:
        return (
            job.state == State.SUCCEEDED and job.metric_name == self.metric and job.metric_value is not None
        )


def read(workspace: Workspace, group_id: str) -> Trials:
    """Return the runs of a group, best first, then the others with a metric, then those without."""
    found = ranked(workspace, group_id)
    first = {job.run_id for job in found.best_first}
    others = [job for job in found.jobs if job.run_id not in first]
    others.sort(key=lambda job: job.metric_value is None)
    named = (job.metric_name for job in found.jobs if job.metric_name)
    metric = found.by.metric or next(named, None) or ""
    jobs = [*found.best_first, *others]
    return Trials(jobs, _varying(jobs), metric, len(first), found.why_none)


def _varying(jobs: list[JobView]) -> list[str]:
    seen: dict[str, set[str]] = {}
    for job in jobs:
        for path, value in job.overrides.items():
            seen.setdefault(path, set()).add(json.dumps(value))
    varying = [path for path, values in seen.items() if len(values) > 1]
    return varying or list(seen)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
