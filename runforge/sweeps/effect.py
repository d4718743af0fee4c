"""Whether a sweep varies what its runs read, and is ranked by what they report. Pure.

If a sweep varies a field that nobody reads, all its runs are equal, but their names say otherwise. Such a
path is refused.
"""

from __future__ import annotations

from runforge import light_json
from runforge.documents.estimator_table import TABLE
from runforge.documents.known_fields import HYPERPARAMETERS, hint, is_known
from runforge.documents.placeholders import flat, names_in, takes_all
from runforge.documents.reported import REPORTED, may_report
from runforge.errors import InvalidPlan, InvalidRequest, RunForgeError
from runforge.named import NamedTuple
from runforge.text import did_you_mean

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from runforge.documents.plan import Plan
    from runforge.documents.request import Request

#: Fields of a request that only some models read, and whether those are commands.
_READ_BY_COMMANDS = {
    **dict.fromkeys(("model.command", "model.cwd", "model.folder", "model.shell"), True),
    "preset": False,
}


class Varied(NamedTuple):
    """A path that a sweep varies, and its first position in the plan."""

    path: str
    at: str


def varied(plan: Plan) -> list[Varied]:
    """Return the paths that a plan varies, each once."""
    if plan.axes:
        return [
            Varied(axis.path, f"strategy.parameters[{index}].path") for index, axis in enumerate(plan.axes)
        ]
    if plan.search is not None:
        return [
            Varied(each.path, f"strategy.parameters[{index}].path")
            for index, each in enumerate(plan.search.space)
        ]
    found: dict[str, Varied] = {}
    for index, overrides in enumerate(plan.runs):
        for path in overrides:
            found.setdefault(path, Varied(path, f"strategy.runs[{index}]"))
    return list(found.values())


def require_known_paths(plan: Plan) -> None:
    """Raise InvalidPlan for a path to a field that nobody reads, with a guess of the right one."""
    for path, at in varied(plan):
        if not is_known(path):
            fix = hint(path, _hyperparameters(plan.base_request))
            raise InvalidPlan(
                f"{at}: no run reads {path!r:.80}",
                where=plan.where,
                fix=fix or f"Name a field of the request, such as {HYPERPARAMETERS}.lr",
            )


def _hyperparameters(request: dict[str, Any]) -> list[str]:
    """Return the names that the model of a request may know; the request is not checked yet."""
    model = request.get("model")
    model = model if isinstance(model, dict) else {}
    given, command, family = model.get("hyperparameters"), model.get("command"), model.get("family")
    known = list(given) if isinstance(given, dict) else []
    parts = command if isinstance(command, list) else [command]
    known += names_in([part for part in parts if isinstance(part, str)])
    known += [*TABLE.get(family, ()), "seed"] if isinstance(family, str) and family in TABLE else []
    return known


def require_effect(plan: Plan, requests: Sequence[Request]) -> None:
    """Raise InvalidPlan for a path that no run's model uses, and for an objective that no run reports."""
    commands = {request.family == "command" for request in requests}
    for path, at in varied(plan):
        readers = _READ_BY_COMMANDS.get(path)
        if readers is not None and readers not in commands:
            what = "is no command" if readers else "is a command, which has no presets"
            raise InvalidPlan(
                f"{at}: no run reads {path}: the model of every run {what}",
                where=plan.where,
                fix="Remove the path, or vary model.family too",
            )
    _require_one_seed(plan, requests)
    _require_objective(plan, {request.family for request in requests})


def _require_one_seed(plan: Plan, requests: Sequence[Request]) -> None:
    path = f"{HYPERPARAMETERS}.random_state"
    at = next((at for name, at in varied(plan) if name == path), None)
    if at is None:
        return
    for request in requests:
        values = request.hyperparameters
        if (
            request.family in TABLE
            and values.get("seed") is not None
            and values.get("random_state") is not None
        ):
            raise InvalidPlan(
                f"{at}: {path} changes nothing, because {HYPERPARAMETERS}.seed is given and means the same",
                where=plan.where,
                fix="Remove one of the two",
            )


def _require_objective(plan: Plan, families: set[str]) -> None:
    if plan.objective is not None:
        require_reported(plan.objective.metric, families, where=plan.where, error=InvalidPlan)


def require_reported(
    metric: str, families: set[str], *, where: str, error: type[RunForgeError] = InvalidRequest
) -> None:
    """Raise `error` for a metric that no run of these families ever reports."""
    if any(may_report(family, metric) for family in families):
        return
    known = list(dict.fromkeys(name for family in sorted(families) for name in REPORTED[family]))
    raise error(
        f"objective.metric: {', '.join(sorted(families))} reports no {metric!r:.60}; it reports {', '.join(known)}",
        where=where,
        fix=did_you_mean(metric, known) or "Choose one of these",
    )


def doubts(plan: Plan, requests: Sequence[Request]) -> Iterator[str]:
    """Yield a sentence for each possible mistake in a plan, without those of its base request."""
    yield from plan.doubts
    for axis in plan.axes:
        values = [light_json.dumps(value, sort_keys=True) for value in axis.values]
        twice = next((value for place, value in enumerate(values) if value in values[:place]), None)
        if twice is not None:
            yield f"{axis.path} has {twice:.60} twice: those runs are the same"
    yield from _unnamed(plan, requests)
    silent = sorted(
        {r.family for r in requests if plan.objective and not may_report(r.family, plan.objective.metric)}
    )
    if plan.objective and silent:
        yield (
            f"objective.metric: {', '.join(silent)} reports no {plan.objective.metric!r:.60}; "
            "those runs are not ranked"
        )


def _unnamed(plan: Plan, requests: Sequence[Request]) -> Iterator[str]:
    """Yield a sentence for a varied hyperparameter that the command does not name in braces."""
    if not all(request.family == "command" for request in requests):
        return
    if any(takes_all(request.command) for request in requests):
        return
    named = {name for command in {r.command for r in requests} for name in names_in(command)}
    used = named & {name for request in requests for name, _ in flat(request.hyperparameters)}
    for path, at in varied(plan):
        name = path.removeprefix(f"{HYPERPARAMETERS}.")
        if used and path.startswith(f"{HYPERPARAMETERS}.") and not _is_within(name, named):
            hinted = did_you_mean(name, named)
            text = (
                f"{at}: the command does not name {{{name}}}; the value is only in the file $RUNFORGE_PARAMS"
            )
            yield f"{text}. {hinted}" if hinted else text


def _is_within(name: str, named: set[str]) -> bool:
    """Return whether a dotted name, or an object that holds it, is one of the named."""
    return any(name == other or name.startswith(f"{other}.") for other in named)
