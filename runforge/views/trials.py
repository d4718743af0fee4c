"""A sweep as a table: the varied values and the results."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from runforge.core import importance
from runforge.core.importance import Importance, is_number
from runforge.core.states import Cause, State
from runforge.core.study import Study
from runforge.store import studies
from runforge.store.opening import open_snapshot
from runforge.views.ranking import ranked
from runforge.views.shown import JobView
from runforge.workspace import Workspace

TYPE_CHECKING = False


class Axis(NamedTuple):
    """Where the values of a parameter lie: numbers as they are, other values at 0, 1, 2..."""

    path: str
    #: These others, as JSON; empty for numbers.
    categories: list[str]
    #: Whether the sweep draws it evenly over the logarithm.
    is_log: bool = False

    def places(self, jobs: Iterable[JobView]) -> list[float]:
        """Return where runs are that have this parameter."""
        values = [job.overrides[self.path] for job in jobs]
        if not self.categories:
            return list(map(float, values))
        numbers = {text: float(place) for place, text in enumerate(self.categories)}
        return [numbers[json.dumps(value)] for value in values]


class Weighed(NamedTuple):
    """How closely the metric follows each parameter, the strongest first."""

    metric: str
    #: How many runs have succeeded with a metric, and what is not among them: `2 failed, 1 stopped early`.
    runs: int
    left_out: str
    parameters: list[Importance]


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
    #: How better is: minimize or maximize; None if it is unknown.
    direction: str | None = None
    sweep: Study | None = None

    def measured(self, *parameters: str) -> list[JobView]:
        """Return the runs that have succeeded with the metric, and have these parameters."""
        return [job for job in self.jobs if job.state == State.SUCCEEDED and self._has(job, parameters)]

    def stopped(self, *parameters: str) -> list[JobView]:
        """Return the runs that were stopped early, with what their metric was then."""
        return [job for job in self.jobs if was_stopped_early(job) and self._has(job, parameters)]

    def _has(self, job: JobView, parameters: tuple[str, ...]) -> bool:
        is_known = job.metric_name == self.metric and job.metric_value is not None
        return is_known and all(path in job.overrides for path in parameters)

    def axis(self, path: str) -> Axis:
        """Return the axis of a parameter, over all runs that have it and the metric."""
        values = [job.overrides[path] for job in (*self.measured(path), *self.stopped(path))]
        if all(map(is_number, values)):
            dimensions = self.sweep.space if self.sweep is not None else ()
            return Axis(path, [], any(each.path == path and each.is_log for each in dimensions))
        return Axis(path, list(dict.fromkeys(map(json.dumps, values))))

    def weighed(self) -> Weighed:
        """Return the importance of each parameter, over the runs that have succeeded."""
        done = self.measured()
        runs = [(job.overrides, job.metric_value or 0.0) for job in done]
        return Weighed(
            self.metric, len(done), self.left_out(), importance.strongest_first(runs, self.parameters)
        )

    def left_out(self, *, is_stopped_told: bool = True) -> str:
        """Return in words which ended runs are not among those that succeeded with the metric."""
        counts: Counter[str] = Counter()
        for job in self.jobs:
            if was_stopped_early(job):
                counts["stopped early"] += is_stopped_told or not self._has(job, ())
            elif job.state in {"failed", "canceled"}:
                counts[job.state] += 1
            elif job.state == State.SUCCEEDED and not self._has(job, ()):
                counts["diverged" if job.has_diverged else "without it"] += 1
        return ", ".join(f"{count} {what}" for what, count in counts.items() if count)


def was_stopped_early(job: JobView) -> bool:
    """Return whether a sweep's rule has ended a run."""
    return job.state == State.CANCELED and job.cause == Cause.STOPPED_EARLY


def read(workspace: Workspace, group_id: str) -> Trials:
    """Return the runs of a group, best first, then the others with a metric, then those without."""
    found = ranked(workspace, group_id)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        sweep = studies.of_group(tx, group_id)
    first = {job.run_id for job in found.best_first}
    others = [job for job in found.jobs if job.run_id not in first]
    others.sort(key=lambda job: job.metric_value is None)
    named = (job.metric_name for job in found.jobs if job.metric_name)
    metric = found.by.metric or next(named, None) or ""
    jobs = [*found.best_first, *others]
    return Trials(jobs, _varying(jobs), metric, len(first), found.why_none, found.by.direction, sweep)


def _varying(jobs: list[JobView]) -> list[str]:
    seen: dict[str, set[str]] = {}
    for job in jobs:
        for path, value in job.overrides.items():
            seen.setdefault(path, set()).add(json.dumps(value))
    varying = [path for path, values in seen.items() if len(values) > 1]
    return varying or list(seen)
