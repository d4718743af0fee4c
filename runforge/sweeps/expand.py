"""Makes the runs of a plan: every combination of a grid, each entry of a list, or the draws of a search. Pure.

The trials of a TPE search are made one after the other, later: each depends on what the earlier ones have shown.
"""

from __future__ import annotations

import itertools
import math

from runforge import light_json
from runforge.core import space
from runforge.core.recipe import REPEAT
from runforge.core.submission import MAX_RUNS
from runforge.documents import doubts
from runforge.documents.known_fields import HYPERPARAMETERS
from runforge.documents.placeholders import require_filled
from runforge.documents.plan import Plan
from runforge.documents.request import parse_request
from runforge.documents.secrets import secrets_in
from runforge.errors import InvalidPlan
from runforge.later import copy
from runforge.sweeps import effect
from runforge.sweeps.run_overrides import RunOverrides

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from runforge.core.space import Drawn
    from runforge.documents.strategy import Search


def count(plan: Plan) -> int:
    """Return how many runs the plan has, without making them."""
    if plan.search is not None:
        return plan.search.number * plan.repeat
    if plan.axes:
        return math.prod(len(axis.values) for axis in plan.axes) * plan.repeat
    return len(plan.runs) * plan.repeat


def expand(plan: Plan, *, limit: int = MAX_RUNS) -> list[RunOverrides]:
    """Return the plan's runs; the last parameter varies fastest. Of a TPE search none are made now.

    Raises InvalidPlan above the limit, for a secret, for a path that leads through a value or to a field that
    no run reads, and for a wrong request; the message names the run.
    """
    total = count(plan)
    if total > limit:
        raise InvalidPlan(
            f"strategy: the plan makes {total} runs, the limit is {limit}",
            where=plan.where,
            fix=f"Make it smaller, or raise the limit with --max-runs {total}",
        )
    _refuse_secrets(plan)
    effect.require_known_paths(plan)
    runs = requested(plan.base_request, _choices(plan), where=plan.where)
    effect.require_effect(plan, [run.request for run in runs or samples(plan)])
    return runs


def samples(plan: Plan) -> list[RunOverrides]:
    """Return few runs that show every listed value and both ends of every interval of a search, checked."""
    if plan.search is None:
        return []
    return requested(plan.base_request, space.samples(plan.search.space), where=plan.where)


def requested(
    base_request: dict[str, Any], choices: Iterable[dict[str, Any]], *, where: str
) -> list[RunOverrides]:
    """Return the checked runs of a request with these values by path; InvalidPlan names the wrong one."""
    base = light_json.dumps(base_request)
    return [_run(base, index, overrides, where) for index, overrides in enumerate(choices)]


def doubts_about(plan: Plan, runs: Sequence[RunOverrides]) -> list[str]:
    """Return a sentence for each possible mistake in a plan and its runs, each once."""
    found = dict.fromkeys(effect.doubts(plan, [run.request for run in runs]))
    if plan.search is not None and plan.search.method == "random":
        made = len(drawn(plan.search).runs)
        if made < plan.search.number:
            found[f"the space is exhausted: {made} different trials were found, not {plan.search.number}"] = (
                None
            )
    seen = set()
    for run in runs:
        request = run.request
        # What is not in here differs between runs by a value that has been checked.
        key = (request.family, request.command, *request.hyperparameters, *_objects(run.overrides))
        if key not in seen:
            seen.add(key)
            found |= dict.fromkeys(doubts.in_request(request, "base_request"))
    return list(found)


def _objects(overrides: dict[str, Any]) -> list[str]:
    return [light_json.dumps(value) for value in overrides.values() if isinstance(value, dict)]


def _refuse_secrets(plan: Plan) -> None:
    """The group's texts and what differs between runs stand in the journal and its exports, where no secret belongs."""
    told: list[tuple[str, list[Any]]] = [("group.name", [plan.name]), ("group.notes", [plan.notes])]
    searched = plan.search.space if plan.search is not None else ()
    held = [(path, [value]) for overrides in plan.runs for path, value in overrides.items()]
    held += [(axis.path, list(axis.values)) for axis in plan.axes]
    held += [(each.path, list(each.values)) for each in searched]
    for path, values in [*told, *held]:
        for value in values:
            if next(secrets_in({path.rpartition(".")[2]: value}), None) is not None:
                kept = "it" if path.startswith("group.") else "what a sweep varies"
                raise InvalidPlan(
                    f"{path} looks like a secret, and the journal keeps {kept}",
                    where=plan.where,
                    fix="Pass it in the daemon's environment, or in a file that the run reads",
                )


def _choices(plan: Plan) -> Iterator[dict[str, Any]]:
    for values in _distinct(plan):
        yield from repeated(values, plan.repeat)


def repeated(values: dict[str, Any], times: int) -> Iterator[dict[str, Any]]:
    """Yield the values once, or so many times with a counter."""
    for number in range(1, times + 1):
        yield {**values, REPEAT: number} if times > 1 else values


def drawn(search: Search) -> Drawn:
    """Return the draws of a random search; the trials of the others are not drawn."""
    return space.draws(search.space, search.seed, 0, search.number)


def _distinct(plan: Plan) -> Iterator[dict[str, Any]]:
    if plan.search is not None:
        yield from drawn(plan.search).runs if plan.search.method == "random" else ()
        return
    if not plan.axes:
        yield from plan.runs
        return
    paths = [axis.path for axis in plan.axes]
    for values in itertools.product(*(axis.values for axis in plan.axes)):
        yield dict(zip(paths, values, strict=True))


def _run(base: str, index: int, overrides: dict[str, Any], plan: str) -> RunOverrides:
    request = light_json.loads(base)  # its own copy, five times as fast as `deepcopy`
    for path, value in overrides.items():
        _set(request, path, value, index, plan)
    name = f"base_request (run {index + 1}: {_shown(overrides)})"
    where = f"{plan}: {name}"
    checked = parse_request(request, where=where, error=InvalidPlan)
    if checked.command:
        removed = [
            path.removeprefix(f"{HYPERPARAMETERS}.") for path, value in overrides.items() if value is None
        ]
        require_filled(checked, where=where, error=InvalidPlan, removed=removed)
    return RunOverrides(dict(overrides), checked)


def _shown(overrides: dict[str, Any]) -> str:
    return ", ".join(f"{path}={value!r:.40}" for path, value in list(overrides.items())[:4])


def _set(request: dict[str, Any], path: str, value: Any, index: int, plan: str) -> None:
    """Put a value at a dot path; null removes the key."""
    *parents, last = path.split(".")
    place: Any = request
    for depth, name in enumerate(parents):
        if not isinstance(place.get(name, {}), dict):
            reached = ".".join(parents[: depth + 1])
            raise InvalidPlan(
                f"strategy: run {index + 1} sets {path}, but {reached} is not an object",
                where=plan,
                fix="Check the path",
            )
        if value is None and name not in place:
            return
        place = place.setdefault(name, {})
    if value is None:
        place.pop(last, None)
    else:
        place[last] = copy.deepcopy(value)
