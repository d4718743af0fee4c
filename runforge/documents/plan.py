"""The sweep plan (docs/contract.md, section 6): checked, but not yet expanded."""

from __future__ import annotations

from typing import Any, NamedTuple

from runforge.documents import strict_json
from runforge.documents.doubts import unread_in_plan
from runforge.documents.problems import Fields, Problems
from runforge.documents.request_options import Objective, read_objective
from runforge.errors import InvalidPlan

#: The largest plan that is read.
PLAN_LIMIT = 8 * 1024 * 1024
#: A plan with more runs is refused, unless an option allows it.
MAX_RUNS = 10_000
STRATEGIES = ("grid", "list")
_NAME_LIMIT = 200


class Axis(NamedTuple):
    """One parameter of a grid."""

    path: str
    values: tuple[Any, ...]


class Plan(NamedTuple):
    """A checked plan: either `axes` (grid) or `runs` (list) is set."""

    raw: bytes
    where: str
    name: str
    notes: str | None
    workspace: str | None
    base_request: dict[str, Any]
    axes: tuple[Axis, ...]
    runs: tuple[dict[str, Any], ...]
    max_parallel: int
    fail_fast: bool
    stop_on_cancel: bool
    objective: Objective | None
    #: Sentences about what is accepted and may be a mistake.
    doubts: tuple[str, ...] = ()
    #: So many equal failures in a row pause the group; None is as usual, 0 never.
    breaker: int | None = None


def parse_plan(data: bytes, *, where: str) -> Plan:
    """Return the checked plan, or raise InvalidPlan that names every wrong field."""
    document = strict_json.parse(data, what="plan", limit=PLAN_LIMIT, error=InvalidPlan, where=where)
    problems = Problems()
    fields = Fields(document, "", problems)
    fields.exactly("version", 1)
    fields.exactly("kind", "sweep_plan")
    for field in ("created_at", "created_by"):
        fields.text(field, required=True)
    workspace = fields.text("workspace")
    group = fields.mapping("group", required=True)
    name = _name(group) if group else None
    notes = group.text("notes") if group else None
    base = fields.mapping("base_request", required=True)
    axes, runs = _strategy(fields.mapping("strategy", required=True))
    execution = fields.mapping("execution", required=True)
    parallel = execution.integer("max_parallel", least=1, required=True) if execution else None
    fail_fast = execution.boolean("fail_fast", default=False) if execution else False
    stop = execution.boolean("stop_on_cancel", default=True) if execution else True
    breaker = execution.integer("breaker", least=0) if execution else None
    objective = read_objective(fields.mapping("objective"))
    problems.raise_if_any(InvalidPlan, where)
    return Plan(
        raw=data,
        where=where,
        name=str(name),
        notes=notes,
        workspace=workspace,
        base_request=base.raw if base else {},
        axes=axes,
        runs=runs,
        max_parallel=parallel or 1,
        fail_fast=fail_fast,
        stop_on_cancel=stop,
        objective=objective,
        doubts=tuple(unread_in_plan(document)),
        breaker=breaker,
    )


def _name(group: Fields) -> str | None:
    name = group.text("name", required=True)
    if name is not None and len(name) > _NAME_LIMIT:
        group.problems.add(group.path("name"), f"is longer than {_NAME_LIMIT} characters")
    return name


def _strategy(fields: Fields | None) -> tuple[tuple[Axis, ...], tuple[dict[str, Any], ...]]:
    if fields is None:
        return (), ()
    kind = fields.one_of("type", STRATEGIES)
    if kind == "grid":
        return _axes(fields), ()
    if kind == "list":
        return (), _runs(fields)
    return (), ()


def _axes(fields: Fields) -> tuple[Axis, ...]:
    parameters = fields.list("parameters", required=True)
    if parameters is None:
        return ()
    path = fields.path("parameters")
    if not parameters:
        fields.problems.add(path, "is empty; a grid needs at least one parameter with values")
    axes = []
    for index, parameter in enumerate(parameters):
        at = f"{path}[{index}]"
        if not isinstance(parameter, dict):
            fields.problems.add(at, "must be an object with path and values")
            continue
        axis = Fields(parameter, at, fields.problems)
        name, values = axis.text("path", required=True), axis.list("values", required=True)
        if values is not None and not values:
            fields.problems.add(axis.path("values"), "is empty; give at least one value")
        axes.append(Axis(name or "", tuple(values or ())))
    _check_paths(fields, path, [axis.path for axis in axes])
    return tuple(axes)


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
