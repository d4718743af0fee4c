"""Results of many runs, one record a run: what it was, how it ended, its parameters and its metrics.

Jobs come from one snapshot of the journal; parameters and metrics from the runs' folders. A hundred thousand runs do
not fit into memory, so the records wait in a temporary file until all columns are known.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from runforge import clock
from runforge.digest import sha256_of
from runforge.documents import edited_request, strict_json
from runforge.documents.known_fields import HYPERPARAMETERS
from runforge.documents.placeholders import flat
from runforge.documents.result import read_result
from runforge.errors import InvalidRequest, RunForgeError
from runforge.files.durable import read_bounded
from runforge.metrics import statistics
from runforge.metrics.points import value_of
from runforge.metrics.statistics import Measured
from runforge.views.chosen_runs import spooled
from runforge.views.labels import parameter_names
from runforge.views.spool import Spool
from runforge.workspace import Workspace

_REQUEST_LIMIT = 1024 * 1024
_RESULT_LIMIT = 4 * 1024 * 1024
#: What a record has of its job, in the order of the columns.
FIELDS = (
    *("number", "run_id", "name", "group_id", "group", "state", "cause", "error", "attempt", "tags", "notes"),
    *("created_at", "started_at", "finished_at", "seconds", "gpu_seconds", "peak_vram_mb", "gpu_use"),
    *("peak_rss_mb", "cpu_seconds", "run_dir"),
)


class Results(NamedTuple):
    """The records of runs, and the columns that they have together."""

    records: Spool
    #: Their names, in the order in which they appeared.
    parameters: list[str]
    #: Those of them that are not the same in all runs.
    varying: list[str]
    metrics: list[str]
    #: The metric and the direction of the groups' objectives: each that there is.
    objectives: list[tuple[str, str]]
    #: The primary metric of the first run that has succeeded with one.
    first_metric: str | None


def read(workspace: Workspace, texts: Sequence[str], where: str | None = None) -> Results:
    """Return the results of the runs that the targets and the filter mean, by default of all runs."""
    now = clock.now()
    with spooled(workspace, texts, where, now) as jobs:
        records = Spool()
        try:
            gathered = _Gathered(records)
            for job in jobs.in_order():
                gathered.add(job, workspace.root / job["run_dir"])
        except BaseException:
            records.close()
            raise
    return gathered.results()


class _Gathered:
    """The records so far, and what is known of their columns."""

    def __init__(self, records: Spool) -> None:
        self._records = records
        self._metrics: dict[str, None] = {}
        self._objectives: dict[tuple[str, str], None] = {}
        self._first_metric: str | None = None
        #: name -> its first value, or None once there was another one, and in how many runs it was.
        self._values: dict[str, tuple[str | None, int]] = {}

    def add(self, job: dict[str, Any], folder: Path) -> None:
        request = _request(edited_request.current(folder, job["request_sha"]))
        parameters = _parameters(job["overrides"], request)
        metrics = metrics_of(job, folder)
        for name, value in parameters.items():
            text = json.dumps(value)
            first, count = self._values.get(name, (text, 0))
            self._values[name] = (first if first == text else None, count + 1)
        self._metrics.update(dict.fromkeys(metrics))
        objective = job["objective"] or _own_objective(request)
        if objective is not None:
            self._objectives[objective[0], objective[1]] = None
        if self._first_metric is None and job["state"] == "succeeded":
            self._first_metric = job["metric_name"]
        kept = {name: job[name] for name in FIELDS}
        self._records.add(
            {**kept, "parameters": parameters, "metrics": metrics, "program": _program(request, job)}
        )

    def results(self) -> Results:
        count = len(self._records)
        varying = [name for name, (first, seen) in self._values.items() if first is None or seen < count]
        return Results(
            self._records,
            list(self._values),
            varying,
            list(self._metrics),
            list(self._objectives),
            self._first_metric,
        )


def _request(path: Path) -> dict[str, Any]:
    """Return the request of a run; an empty one if it cannot be read."""
    try:
        data = read_bounded(path, _REQUEST_LIMIT)
        return strict_json.parse(data, what="request", limit=_REQUEST_LIMIT, error=InvalidRequest)
    except (OSError, RunForgeError):
        return {}


def parameters_of(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Return all parameters of a run."""
    return _parameters(job["overrides"], _request(edited_request.current(folder, job["request_sha"])))


def _model(request: dict[str, Any]) -> dict[str, Any]:
    model = request.get("model")
    return model if isinstance(model, dict) else {}


def _parameters(overrides: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    """Return all parameters of a run: the hyperparameters of its request, and what else its sweep has changed."""
    given = _model(request).get("hyperparameters")
    found = dict(flat(given)) if isinstance(given, dict) else {}
    inside = f"{HYPERPARAMETERS}."
    others = {path: value for path, value in overrides.items() if not request or not path.startswith(inside)}
    for path, name in parameter_names(others).items():
        found[path if name in found else name] = others[path]
    return found


def _own_objective(request: dict[str, Any]) -> list[str] | None:
    objective = request.get("objective")
    if not isinstance(objective, dict):
        return None
    metric, direction = objective.get("metric"), objective.get("direction")
    is_whole = isinstance(metric, str) and direction in {"maximize", "minimize"}
    return (
        [metric, direction] if isinstance(metric, str) and isinstance(direction, str) and is_whole else None
    )


def _program(request: dict[str, Any], job: dict[str, Any]) -> str:
    """Return a text that is the same for runs of the same program, whatever their parameters are."""
    model = {name: value for name, value in _model(request).items() if name != "hyperparameters"}
    parts = [model, request.get("dataset"), request.get("preset"), job["dry_run"]]
    return sha256_of(json.dumps(parts, sort_keys=True).encode())[:16]


def metrics_of(job: dict[str, Any], folder: Path) -> dict[str, Measured]:
    """Return what is known of each metric: from what the run wrote, its result, and the journal."""
    if not job["has_run"]:
        return {}  # what stands in the folder is an earlier attempt's
    found = statistics.of_run(folder)
    if job["finished_at"] is not None:
        for name, value in _last_values(folder).items():
            found.setdefault(name, statistics.once(value))
    name, value = job["metric_name"], job["metric_value"]
    if name is not None and name not in found:
        found[name] = statistics.once(math.nan if value is None else value)
    elif name is not None and value is not None:
        found[name] = found[name]._replace(last=value)  # the journal decides
    return found


def _last_values(folder: Path) -> dict[str, float]:
    try:
        result = read_result(read_bounded(folder / "result.json", _RESULT_LIMIT))
    except OSError:
        return {}
    last = result.raw.get("last_values") if result is not None else None
    if not isinstance(last, dict):
        return {}
    return {name: value for name, given in last.items() if (value := value_of(given)) is not None}
