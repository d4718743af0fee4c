"""The order of results: by a metric, best first, or by any other column. `core.ranking` says what is better."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from runforge.core import ranking
from runforge.core.ranking import MAXIMIZE, MINIMIZE
from runforge.errors import InvalidRequest
from runforge.text import did_you_mean
from runforge.views.results import FIELDS, Results

_WAYS = {"min": MINIMIZE, "max": MAXIMIZE}
_SAY = "Say which: --sort NAME:max or --sort NAME:min"


class Order(NamedTuple):
    """What records are sorted by. A direction of `maximize` puts the largest first."""

    name: str
    direction: str
    is_metric: bool


def asked(found: Results, text: str) -> Order:
    """Return the order of `--sort NAME[:min|max]`; InvalidRequest if it is unknown which values are better."""
    name, way = _parts(found, text)
    if name in found.metrics:
        direction = way or dict(found.objectives).get(name) or ranking.direction_of_name(name)
        if direction is None:
            raise InvalidRequest(f"it is unknown whether {name!r:.80} is better high or low", fix=_SAY)
        return Order(name, direction, is_metric=True)
    if name in found.parameters or name in FIELDS:
        return Order(name, way or MINIMIZE, is_metric=False)
    known = [*found.metrics, *found.parameters, *FIELDS]
    raise InvalidRequest(
        f"no run has a metric or a parameter {name!r:.80}",
        where="--sort",
        fix=did_you_mean(name, known) or f"Known: {', '.join(known[:8])}",
    )


def _parts(found: Results, text: str) -> tuple[str, str | None]:
    """Split the direction off, unless the whole text is a metric's name."""
    name, colon, way = text.rpartition(":")
    if not colon or way not in _WAYS or text in found.metrics:
        return text, None
    return name, _WAYS[way]


def usual(found: Results) -> Order:
    """Return how `--top` sorts without `--sort`: by the objective of the groups, or by what the metric's name says."""
    if len(found.objectives) > 1:
        several = ", ".join(sorted(f"{metric} ({direction})" for metric, direction in found.objectives))
        raise InvalidRequest(f"these runs have several objectives: {several[:200]}", where="--top", fix=_SAY)
    objective, claimed = found.objectives[0] if found.objectives else (None, ranking.NO_OBJECTIVE)
    metric, direction = ranking.ranking(objective, claimed, found.first_metric)
    if metric is None:
        raise InvalidRequest("no run has succeeded with a metric yet", where="--top", fix=_SAY)
    if direction is None:
        raise InvalidRequest(
            f"it is unknown whether {metric!r:.80} is better high or low", where="--top", fix=_SAY
        )
    return Order(metric, direction, is_metric=True)


def indexes(found: Results, order: Order | None, top: int | None) -> list[int]:
    """Return which records are shown, and in which order; the best ones have succeeded with a finite value."""
    if order is None:
        return list(range(len(found.records)))[:top]
    keys = []
    for index, record in enumerate(found.records.in_order()):
        if top is None or not order.is_metric or _is_ranked(record, order.name):
            keys.append((rank(value_in(record, order), order), index))
    keys.sort()
    return [index for _, index in keys[:top]]


def _is_ranked(record: dict[str, Any], metric: str) -> bool:
    value = record["metrics"].get(metric)
    return record["state"] == "succeeded" and value is not None and math.isfinite(value[0])


def rank(value: Any, order: Order) -> tuple[int, float, str]:
    """Return a key to sort by: numbers as the order says, then other values, then missing ones."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return 0, -value if order.direction == MAXIMIZE else value, ""
    return (2, 0.0, "") if value is None else (1, 0.0, str(value))


def value_in(record: dict[str, Any], order: Order) -> Any:
    """Return a record's value of the column that is sorted by."""
    if order.is_metric:
        measured = record["metrics"].get(order.name)
        return None if measured is None else measured[0]
    parameters: dict[str, Any] = record["parameters"]
    return parameters.get(order.name, record.get(order.name))
