"""The strategy of a plan: a grid, a list, or a search (random, TPE) through a space. Checked, not yet expanded."""

from __future__ import annotations

import math

from runforge.core import stop_rules
from runforge.core.space import Dimension
from runforge.core.study import OFF
from runforge.documents.problems import Fields
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STRATEGIES = ("grid", "list", "random", "tpe")
SEARCHES = ("random", "tpe")
SCALES = ("linear", "log")
#: More trials or repeats are a typing mistake.
_MOST = 1_000_000
_MOST_REPEAT = 10_000
_MOST_SEED = 2**32 - 1
#: Beyond it a float does not hold every whole number.
_MOST_WHOLE = 2**53


class Axis(NamedTuple):
    """One parameter of a grid."""

    path: str
    values: tuple[Any, ...]


class Search(NamedTuple):
    """So many trials out of a space."""

    method: str
    number: int
    seed: int
    space: tuple[Dimension, ...]


class Strategy(NamedTuple):
    """What the runs of a plan vary: either `axes` (grid), `runs` (list) or `search` is set."""

    axes: tuple[Axis, ...] = ()
    runs: tuple[dict[str, Any], ...] = ()
    search: Search | None = None
    #: How often each run is made.
    repeat: int = 1
    #: The rule that stops runs early, or `off`; of how many of the best runs the artifacts stay. None is not said.
    stop: str | None = None
    keep: int | None = None


def read_strategy(fields: Fields | None) -> Strategy:
    """Return a plan's strategy. A wrong field becomes a problem."""
    kind = fields.one_of("type", STRATEGIES) if fields is not None else None
    if fields is None or kind is None:
        return Strategy()
    repeat = fields.integer("repeat", least=1) or 1
    if repeat > _MOST_REPEAT:
        fields.problems.add(fields.path("repeat"), f"must be at most {_MOST_REPEAT}, not {repeat}")
    more: dict[str, Any] = {"repeat": repeat, "stop": _stop(fields), "keep": fields.integer("keep", least=1)}
    if kind == "grid":
        return Strategy(axes=_axes(fields), **more)
    if kind == "list":
        return Strategy(runs=_runs(fields), **more)
    return Strategy(search=_search(fields, kind), **more)


def _stop(fields: Fields) -> str | None:
    text = fields.text("stop")
    if text is None or text == OFF:
        return text
    try:
        return str(stop_rules.parse(text))
    except stop_rules.UnknownRule as error:
        fields.problems.add(fields.path("stop"), f"is wrong: {error}")
        return None


def _axes(fields: Fields) -> tuple[Axis, ...]:
    return tuple(Axis(each.path, each.values) for each in _parameters(fields, may_be_intervals=False))


def _search(fields: Fields, method: str) -> Search:
    number = fields.integer("number", least=1, required=True) or 1
    if number > _MOST:
        fields.problems.add(fields.path("number"), f"must be at most {_MOST}, not {number}")
    seed = fields.integer("seed", least=0) or 0
    if seed > _MOST_SEED:
        fields.problems.add(fields.path("seed"), f"must be at most {_MOST_SEED}, not {seed}")
    return Search(method, number, seed, _parameters(fields, may_be_intervals=True))


def _parameters(fields: Fields, *, may_be_intervals: bool) -> tuple[Dimension, ...]:
    parameters = fields.list("parameters", required=True)
    if parameters is None:
        return ()
    path = fields.path("parameters")
    if not parameters:
        kind = "search" if may_be_intervals else "grid"
        fields.problems.add(path, f"is empty; a {kind} needs at least one parameter with values")
    found = []
    for index, parameter in enumerate(parameters):
        at = f"{path}[{index}]"
        if not isinstance(parameter, dict):
            fields.problems.add(at, "must be an object with path and values")
            continue
        axis = Fields(parameter, at, fields.problems)
        is_interval = may_be_intervals and (axis.has("low") or axis.has("high"))
        found.append(_interval(axis) if is_interval else _listed(axis))
    _check_paths(fields, path, [axis.path for axis in found])
    return tuple(found)


def _listed(axis: Fields) -> Dimension:
    name, values = axis.text("path", required=True), axis.list("values", required=True)
    if values is not None and not values:
        axis.problems.add(axis.path("values"), "is empty; give at least one value")
    return Dimension(name or "", values=tuple(values or ()))


def _interval(axis: Fields) -> Dimension:
    name = axis.text("path", required=True) or ""
    if axis.has("values"):
        axis.problems.add(axis.path("values"), "cannot stand beside low and high; give one of the two")
    low, high = (_end(axis, end) for end in ("low", "high"))
    is_log = axis.one_of("scale", SCALES, required=False) == "log"
    if low is not None and high is not None and low >= high:
        axis.problems.add(axis.path("high"), f"must be above low, {low!r}, not {high!r}")
    if is_log and low is not None and low <= 0:
        axis.problems.add(axis.path("low"), f"must be above 0 for the scale 'log', not {low!r}")
    if isinstance(low, int) is not isinstance(high, int):
        low, high = float(low or 0), float(high or 0)
    return Dimension(name, low or 0, high or 0, is_log)


def _end(axis: Fields, name: str) -> float | None:
    value = axis.raw.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        axis.problems.add(
            axis.path(name), "is missing" if value is None else f"must be a number: {value!r:.60}"
        )
        return None
    if isinstance(value, int) and abs(value) > _MOST_WHOLE:
        axis.problems.add(axis.path(name), f"must be at most {_MOST_WHOLE}, not {value}")
        return None
    return value


def _check_paths(fields: Fields, path: str, names: list[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index] and name:
            fields.problems.add(f"{path}[{index}].path", f"{name!r:.80} appears twice")
        if name and any(not part for part in name.split(".")):
            fields.problems.add(f"{path}[{index}].path", f"{name!r:.80} is not a dot path")


def _runs(fields: Fields) -> tuple[dict[str, Any], ...]:
    # In the contract the list is in `strategy.runs`; older plans have it in `parameters`.
    name = "runs" if fields.has("runs") or not fields.has("parameters") else "parameters"
    runs = fields.list(name, required=True)
    if runs is None:
        return ()
    path = fields.path(name)
    if not runs:
        fields.problems.add(path, "is empty; a list needs at least one run")
    for index, run in enumerate(runs):
        if not isinstance(run, dict):
            fields.problems.add(f"{path}[{index}]", "must be an object of paths and values")
    return tuple(run for run in runs if isinstance(run, dict))
