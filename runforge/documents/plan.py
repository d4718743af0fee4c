"""The sweep plan (docs/contract.md, section 6): checked, but not yet expanded."""

from __future__ import annotations

from runforge.core.study import OFF
from runforge.documents import strict_json
from runforge.documents.doubts import unread_in_plan
from runforge.documents.problems import Fields, Problems
from runforge.documents.request_options import Objective, read_objective
from runforge.documents.strategy import Axis, Search, read_strategy
from runforge.errors import InvalidPlan
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The largest plan that is read.
PLAN_LIMIT = 8 * 1024 * 1024
_NAME_LIMIT = 200


class Plan(NamedTuple):
    """A checked plan: either `axes` (grid), `runs` (list) or `search` (random, TPE) is set."""

    raw: bytes
    where: str
    name: str
    notes: str | None
    workspace: str | None
    base_request: dict[str, Any]
    axes: tuple[Axis, ...]
    runs: tuple[dict[str, Any], ...]
    search: Search | None
    #: How often each run is made.
    repeat: int
    max_parallel: int
    fail_fast: bool
    stop_on_cancel: bool
    objective: Objective | None
    #: Sentences about what is accepted and may be a mistake.
    doubts: tuple[str, ...] = ()
    #: The rule that stops runs early, or `off`; of how many of the best runs the artifacts stay. None is not said.
    stop: str | None = None
    keep: int | None = None
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
    strategy = read_strategy(fields.mapping("strategy", required=True))
    execution = fields.mapping("execution", required=True)
    parallel = execution.integer("max_parallel", least=1, required=True) if execution else None
    fail_fast = execution.boolean("fail_fast", default=False) if execution else False
    stop = execution.boolean("stop_on_cancel", default=True) if execution else True
    breaker = execution.integer("breaker", least=0) if execution else None
    objective = read_objective(fields.mapping("objective"))
    if objective is None and strategy.search is not None and strategy.search.method == "tpe":
        problems.add("objective", "is missing; TPE must know which metric to optimise")
    if objective is None and (strategy.stop not in {None, OFF} or strategy.keep is not None):
        problems.add("objective", "is missing; stop and keep compare runs by a metric")
    problems.raise_if_any(InvalidPlan, where)
    return Plan(
        raw=data,
        where=where,
        name=str(name),
        notes=notes,
        workspace=workspace,
        base_request=base.raw if base else {},
        **strategy._asdict(),
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
