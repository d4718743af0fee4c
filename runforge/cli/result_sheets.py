"""Results as headers and rows: exact values for programs, short texts for people."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from runforge import cells
from runforge.cli import output
from runforge.core.states import State
from runforge.metrics.points import as_json
from runforge.metrics.statistics import values_of
from runforge.views.labels import short_id
from runforge.views.results import FIELDS

if TYPE_CHECKING:
    from runforge.views.results import Results
    from runforge.views.spread import Setting, Spread
    from runforge.workspace import Workspace

Record = dict[str, Any]
#: A table with more metrics than this is for nobody; the other formats have all.
_MOST_METRICS = 8


class Sheet(NamedTuple):
    """Headers, and what gives the rows, again at each call."""

    headers: list[str]
    rows: Callable[[], Iterator[list[Any]]]
    #: Of the table: the columns that are cut first, those that lose their beginning, and the one with the state.
    flexible: tuple[int, ...] = ()
    ids: tuple[int, ...] = ()
    state: int | None = None
    #: How many metrics have no column.
    left_out: int = 0


def of_runs(found: Results, order: Sequence[int]) -> Sheet:
    """Return one row a run, with all that is known, for programs."""
    headings = _Headings(FIELDS)
    parameters = headings.of(found.parameters, "parameter.")
    metrics = [headings.of([name, f"{name}.min", f"{name}.max"], "metric.") for name in found.metrics]

    def rows() -> Iterator[list[Any]]:
        for record in found.records.in_order(order):
            values, measured = record["parameters"], record["metrics"]
            row = [record[name] if name != "tags" else record[name] or None for name in FIELDS]
            row += [values.get(name) for name in found.parameters]
            for name in found.metrics:
                row += measured.get(name) or [None, None, None]
            yield row

    return Sheet([*FIELDS, *parameters, *(name for three in metrics for name in three)], rows)


class _Headings:
    """Names of columns, each once: a parameter may have the name of a metric."""

    def __init__(self, taken: Sequence[str]) -> None:
        self._taken = set(taken)

    def of(self, names: Sequence[str], prefix: str) -> list[str]:
        found = []
        for given in names:
            name = given
            while name in self._taken:
                name = prefix + name
            self._taken.add(name)
            found.append(name)
        return found


def of_runs_for_people(found: Results, order: Sequence[int], first: str | None) -> Sheet:
    """Return one row a run: what differs between the runs, and the last value of each metric."""
    parameters = found.varying or found.parameters
    metrics = _objective_first(found, first)
    is_short = output.is_terminal()

    def rows() -> Iterator[list[Any]]:
        for record in found.records.in_order(order):
            name = record["name"] if record["name"] and record["group_id"] is None else record["run_id"]
            values, measured = record["parameters"], record["metrics"]
            yield [
                record["number"],
                short_id(name) if is_short else record["run_id"],
                output.state_cell(record["state"]),
                *(text_of(values.get(name)) for name in parameters),
                *(_number(measured[name][0]) if name in measured else "" for name in metrics),
                output.duration(record["seconds"]),
                record["cause"] if record["state"] != State.SUCCEEDED.value else "",
            ]

    headers = [
        "#",
        "RUN",
        "STATE",
        *parameters,
        *_Headings(parameters).of(metrics, "metric."),
        "TIME",
        "CAUSE",
    ]
    left_out = max(0, len(found.metrics) - _MOST_METRICS)
    return Sheet(headers, rows, (1, *range(3, 3 + len(parameters))), (1,), 2, left_out)


def _objective_first(found: Results, first: str | None) -> list[str]:
    """Return the metrics that a table shows: what is sorted by, the objectives, then the others."""
    wanted = [first, *(metric for metric, _ in found.objectives), found.first_metric, *found.metrics]
    known = dict.fromkeys(name for name in wanted if name in found.metrics)
    return [name for name in known if name is not None][:_MOST_METRICS]


def of_settings(settings: Sequence[Setting], parameters: Sequence[str], metrics: Sequence[str]) -> Sheet:
    """Return one row for runs that differ in the given parameter only, for programs."""
    headings = _Headings(["n", "runs"])
    names = headings.of(parameters, "parameter.")
    groups = [headings.of([f"{m}.mean", f"{m}.sd", f"{m}.n"], "metric.") for m in metrics]

    def rows() -> Iterator[list[Any]]:
        for setting in settings:
            row: list[Any] = [len(setting.runs), " ".join(map(str, setting.runs))]
            row += [setting.parameters.get(name) for name in parameters]
            for metric in metrics:
                spread = setting.metrics.get(metric)
                row += [spread.mean, spread.deviation, spread.number] if spread else [None, None, 0]
            yield row

    return Sheet(["n", "runs", *names, *(name for three in groups for name in three)], rows)


def of_settings_for_people(
    settings: Sequence[Setting], parameters: Sequence[str], metrics: Sequence[str]
) -> Sheet:
    """Return the same with `mean ± deviation` in one cell."""
    shown = list(metrics)[:_MOST_METRICS]

    def rows() -> Iterator[list[Any]]:
        for setting in settings:
            yield [
                *(text_of(setting.parameters.get(name)) for name in parameters),
                len(setting.runs),
                *(_spread(setting.metrics.get(metric)) for metric in shown),
            ]

    headers = [*parameters, "N", *_Headings(parameters).of(shown, "metric.")]
    flexible = tuple(range(len(parameters)))
    return Sheet(headers, rows, flexible, left_out=len(metrics) - len(shown))


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return ""
    sign = "±" if output.is_unicode() else "+-"
    deviation = "" if spread.deviation is None else f" {sign} {_number(spread.deviation)}"
    return _number(spread.mean) + deviation


def of_curves(here: Workspace, found: Results, order: Sequence[int]) -> Sheet:
    """Return each value of each metric as one row, read while it is written."""

    def rows() -> Iterator[list[Any]]:
        for record in found.records.in_order(order):
            if record["started_at"] is None or record["state"] == State.QUEUED.value:
                continue
            for name, step, value in values_of(here.root / record["run_dir"]):
                yield [record["run_id"], name, int(step) if step.is_integer() else step, value]

    return Sheet(["run", "metric", "step", "value"], rows)


def text_of(value: Any) -> str:
    """Return a parameter's value for people."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _number(value: float) -> str:
    found = as_json(value)
    return found if isinstance(found, str) else cells.number(value)
