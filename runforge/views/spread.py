"""Runs that differ in one parameter only, such as the seed, as one record: mean, deviation and number."""

from __future__ import annotations

import json
import math

from runforge.errors import InvalidRequest
from runforge.named import NamedTuple
from runforge.text import did_you_mean
from runforge.views.results import Results

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any


class Spread(NamedTuple):
    """The mean and the sample standard deviation of some values; of one value there is no deviation."""

    number: int = 0
    mean: float = 0.0
    #: The sum of the squared distances from the mean.
    squares: float = 0.0

    def plus(self, value: float) -> Spread:
        """Return the same with one more value (Welford: exact also for large means)."""
        number = self.number + 1
        distance = value - self.mean
        mean = self.mean + distance / number if math.isfinite(value) else self.mean + value
        return Spread(number, mean, self.squares + distance * (value - mean))

    @property
    def deviation(self) -> float | None:
        """The sample standard deviation, with n - 1."""
        if self.number < 2:
            return None
        return math.sqrt(self.squares / (self.number - 1)) if math.isfinite(self.squares) else math.nan


class Setting(NamedTuple):
    """Runs of one program that are equal in all other parameters, those that have succeeded."""

    parameters: dict[str, Any]
    #: Their numbers.
    runs: list[int]
    metrics: dict[str, Spread]


def over(found: Results, keys: Iterable[str]) -> list[Setting]:
    """Return the settings of runs that differ in these parameters only. Raises InvalidRequest for an unknown one."""
    without = list(keys)
    for key in without:
        if key not in found.parameters:
            known = ", ".join(found.parameters[:8]) or "none"
            hint = did_you_mean(key, found.parameters) or f"Their parameters: {known}"
            raise InvalidRequest(f"no run has a parameter {key!r:.80}", where="--by", fix=hint)
    settings: dict[str, Setting] = {}
    for record in found.records.in_order():
        if record["state"] != "succeeded":
            continue
        others = {name: value for name, value in record["parameters"].items() if name not in without}
        identity = json.dumps([record["program"], others], sort_keys=True)
        setting = settings.setdefault(identity, Setting(others, [], {}))
        setting.runs.append(record["number"])
        for name, (last, _, _) in record["metrics"].items():
            setting.metrics[name] = setting.metrics.get(name, Spread()).plus(last)
    return list(settings.values())
