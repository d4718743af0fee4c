"""A sweep as charts: its metric against a parameter, its best so far, and its parameters against each other.

Runs that have succeeded are drawn, and those that were stopped early, with a sign of their own; failed ones are not.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from operator import attrgetter
from typing import NamedTuple

from runforge.core.ranking import MINIMIZE
from runforge.text import safe
from runforge.tui import axes, differences
from runforge.tui.chart import Panel, Series
from runforge.tui.series_looks import STOPPED
from runforge.views.labels import parameter_names, short_id
from runforge.views.shown import JobView
from runforge.views.trials import Axis, Trials

#: The colours and signs of what has succeeded: the best quarter, the others, and the line of the best so far.
_BEST, _OTHERS = 0, 6
#: More charts of pairs would only be turned over.
_MOST_PAIRS = 30
_NAME = 40
_NONE_YET = "no run has ended with a metric yet"


class Drawn(NamedTuple):
    """Charts, what their signs mean, and why there are none."""

    panels: Sequence[Panel]
    legend: Sequence[tuple[int, str]] = ()
    empty: str = ""


def against(trials: Trials, parameter: str) -> Drawn:
    """Return the metric against one of the parameters, a point for each run."""
    done, stopped = trials.measured(parameter), trials.stopped(parameter)
    axis, name = trials.axis(parameter), _name(trials, parameter)
    parts = [part for part in ((_BEST, done), (STOPPED, stopped)) if part[1]]
    series = [_points(name, axis.places(jobs), _values(jobs), look, jobs) for look, jobs in parts]
    note = "no run is best" if trials.why_none else ""
    panel = Panel(trials.metric, series, name, _names(axis), note, log_x=axis.is_log or None)
    return Drawn([panel], _legend(stopped), trials.why_none or _NONE_YET)


def best_so_far(trials: Trials) -> Drawn:
    """Return the metric of each trial, in the order in which they were made, and the best one up to each."""
    order = {job.run_id: place for place, job in enumerate(sorted(trials.jobs, key=attrgetter("number")), 1)}
    done = sorted(trials.measured(), key=attrgetter("number"))
    stopped, left = trials.stopped(), trials.left_out(is_stopped_told=False)
    better = _improving(done, trials.direction)
    records = {job.run_id for job in better}
    parts = (
        (_BEST, better),
        (_OTHERS, [job for job in done if job.run_id not in records]),
        (STOPPED, stopped),
    )
    series = [
        _points("trial", [float(order[job.run_id]) for job in jobs], _values(jobs), look, jobs)
        for look, jobs in parts
        if jobs
    ]
    if better:
        xs, ys = _steps([float(order[job.run_id]) for job in better], _values(better), float(len(order)))
        series.insert(0, Series("best so far", xs, ys, look=_BEST))
    note = f"without {left}" if left else ""
    panel = Panel(trials.metric, series, "trial", note=note, log_x=False)
    words = {_BEST: "better than all before", _OTHERS: "not better", STOPPED: "stopped early"}
    if not better:
        words[_OTHERS] = "succeeded"
    legend = [(look, words[look]) for look, jobs in parts if jobs]
    return Drawn([panel], legend, _NONE_YET)


def _improving(done: Sequence[JobView], direction: str | None) -> list[JobView]:
    """Return the runs that are better than all before them; none if it is unknown what is better."""
    found: list[JobView] = []
    sign = 1.0 if direction == MINIMIZE else -1.0
    for job in done if direction is not None else ():
        if not found or sign * (job.metric_value or 0.0) < sign * (found[-1].metric_value or 0.0):
            found.append(job)
    return found


def _steps(xs: Sequence[float], ys: Sequence[float], end: float) -> tuple[list[float], list[float]]:
    """Return a line that keeps each value until the next one comes, and the last one to the end."""
    pairs_of_ends = zip(xs, [*xs[1:], end], strict=True)
    return [x for pair in pairs_of_ends for x in pair], [y for y in ys for _ in (0, 1)]


def pairs(trials: Trials, parameter: str, order: Sequence[str]) -> Drawn:
    """Return a parameter against each other one, in this order; the best quarter of the runs has its own sign."""
    others = [path for path in order if path != parameter]
    if not others:
        return Drawn([], empty="only one parameter varies: there is no pair")
    across = trials.axis(parameter)
    found = [_pair(trials, across, trials.axis(other)) for other in others[:_MOST_PAIRS]]
    shown = {series.look for panel in found for series in panel.series}
    words = {_BEST: "the best quarter", _OTHERS: "the others", STOPPED: "stopped early"}
    if not trials.ranked:
        words[_OTHERS] = "succeeded"
    legend = [(look, text) for look, text in words.items() if look in shown]
    return Drawn(found, legend, _NONE_YET)


def _pair(trials: Trials, x: Axis, y: Axis) -> Panel:
    done, stopped = trials.measured(x.path, y.path), trials.stopped(x.path, y.path)
    best = {job.run_id for job in trials.jobs[: math.ceil(trials.ranked / 4)]}
    parts = (
        (_BEST, [job for job in done if job.run_id in best]),
        (_OTHERS, [job for job in done if job.run_id not in best]),
        (STOPPED, stopped),
    )
    series = [
        _points(_name(trials, y.path), x.places(jobs), y.places(jobs), look, jobs)
        for look, jobs in parts
        if jobs
    ]
    return Panel(
        _name(trials, y.path),
        series,
        _name(trials, x.path),
        _names(x),
        log_x=x.is_log or None,
        log_y=not y.categories and (y.is_log or _spreads(series)),
        y_categories=_names(y),
    )


def _points(
    name: str, xs: Sequence[float], ys: Sequence[float], look: int, jobs: Sequence[JobView]
) -> Series:
    return Series(name, xs, ys, kind="points", look=look, labels=[short_id(job.run_id)[-4:] for job in jobs])


def _values(jobs: Sequence[JobView]) -> list[float]:
    return [job.metric_value or 0.0 for job in jobs]


def _spreads(series: Sequence[Series]) -> bool:
    return axes.spreads_over_decades([y for each in series for y in each.ys])


def _name(trials: Trials, path: str) -> str:
    return parameter_names(trials.parameters).get(path, path)


def _names(axis: Axis) -> list[str]:
    return [safe(differences.value_text(json.loads(text)), _NAME) for text in axis.categories]


def _legend(stopped: Sequence[JobView], look: int = _BEST) -> list[tuple[int, str]]:
    """Return what two signs mean; one needs no words."""
    return [(look, "succeeded"), (STOPPED, "stopped early")] if stopped else []
