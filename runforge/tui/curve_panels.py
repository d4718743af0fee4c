"""What runs report, as charts: of one run a chart for each family of metrics, of many runs one for each metric.

It reads metrics files and copies their points, so it is for the reading thread.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import NamedTuple

from runforge.metrics.curves import Curve, related
from runforge.metrics.run_curves import RunCurves
from runforge.tui import differences
from runforge.tui.chart import Panel, Series
from runforge.tui.curve_order import importance
from runforge.tui.series_looks import MOST
from runforge.views.shown import JobView

#: Runs that are drawn together: the first twelve in colours, the others in grey.
MOST_RUNS = 40
#: Charts of one screen.
_MOST_PANELS = 60


class Charts(NamedTuple):
    """The charts of a run, and sentences about values that are not drawn."""

    panels: Sequence[Panel]
    told: list[str]
    #: Of each chart, by its title: the file that the values come from, and when that was changed last (since 1970).
    origins: Mapping[str, tuple[str, float | None]] = {}


class ManyCurves(NamedTuple):
    """The charts of several runs, and what their colours mean."""

    panels: Sequence[Panel]
    legend: Sequence[tuple[int, str]]


def of_run(run: RunCurves, objective: str | None) -> Charts | None:
    """Return the charts of a run that has reported more; None if it has not."""
    if not run.refresh():
        return None
    curves = run.curves()
    objective = objective or run.primary()
    families = sorted(
        related(curves).items(), key=lambda item: min(importance(n, objective) for n in item[1])
    )
    panels = [
        _family(name, [curves[n] for n in sorted(names, key=lambda n: importance(n, objective))])
        for name, names in families[:_MOST_PANELS]
    ]
    ends = [f"{c.name} is {c.values[-1]} now" for c in curves.values() if not isfinite(c.values[-1])]
    origins = run.origins()
    shown = {panel.title: origins[panel.series[0].name] for panel in panels}
    ages = {title: (each.source.path, each.changed_at) for title, each in shown.items()}
    return Charts(panels, [*ends, *run.sentences()], ages)


def _family(name: str, curves: Sequence[Curve]) -> Panel:
    title = curves[0].name if len(curves) == 1 else name
    return Panel(title, [Series(curve.name, curve.steps, curve.values) for curve in curves], "step")


class CurvesOfRuns:
    """The metrics files of runs that are drawn together; each look reads what was appended."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files: dict[str, RunCurves] = {}
        self._drawn: object = None

    def read(
        self, jobs: Sequence[JobView], objective: str | None, hidden: Collection[str] = ()
    ) -> ManyCurves | None:
        """Return the charts of these runs; None if nothing has changed since the last look.

        A hidden run is not drawn; the others keep their colours and signs.
        """
        jobs = jobs[:MOST_RUNS]
        has_grown = False
        for job in jobs:
            file = self._files.get(job.run_dir)
            if file is None:
                file = self._files[job.run_dir] = RunCurves(self._root / job.run_dir)
            while file.refresh():
                has_grown = True
        asked = ([job.run_id for job in jobs], objective, hidden)
        if not has_grown and asked == self._drawn:
            return None
        self._drawn = asked
        return self._charts(jobs, objective, hidden)

    def _charts(self, jobs: Sequence[JobView], objective: str | None, hidden: Collection[str]) -> ManyCurves:
        paths = differences.differing(jobs)
        labels = [differences.words(job, paths) or job.run_id[-10:] for job in jobs]
        curves = [{} if job.run_id in hidden else self._files[job.run_dir].curves() for job in jobs]
        names = sorted({name for each in curves for name in each}, key=lambda n: importance(n, objective))
        panels = [_metric(name, labels, curves) for name in names[:_MOST_PANELS]]
        shown = [(look, label) for look, label in enumerate(labels[:MOST]) if curves[look]]
        grey = sum(bool(each) for each in curves[MOST:])
        return ManyCurves(panels, [*shown, *([(MOST, f"{grey} more")] if grey else [])])


def _metric(name: str, labels: Sequence[str], curves: Sequence[Mapping[str, Curve]]) -> Panel:
    found = [(look, each[name]) for look, each in enumerate(curves) if name in each]
    series = [Series(labels[look], curve.steps, curve.values, look=look) for look, curve in found]
    return Panel(name, series, "step", has_legend=False)
