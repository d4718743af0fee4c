"""The parameters in which runs differ, in few words: what a list or a legend needs to tell them apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from runforge import cells
from runforge.views.labels import parameter_names
from runforge.views.shown import JobView

_VALUE = 24


def differing(jobs: Iterable[JobView]) -> list[str]:
    """Return the parameters that do not have the same value in all these runs, in their first order."""
    seen: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    total = 0
    for job in jobs:
        total += 1
        for path, value in job.overrides.items():
            seen.setdefault(path, set()).add(json.dumps(value))
            counts[path] = counts.get(path, 0) + 1
    return [path for path, values in seen.items() if len(values) > 1 or counts[path] < total]


def value_text(value: Any) -> str:
    """Return a parameter's value in few characters; floats as people write them."""
    text = value if isinstance(value, str) else f"{value:g}" if _is_rounded(value) else json.dumps(value)
    return cells.cut(text, _VALUE)


def _is_rounded(value: object) -> bool:
    return isinstance(value, float) and float(f"{value:g}") == value


def words(job: JobView, paths: Sequence[str]) -> str:
    """Return a run's values of these parameters: `lr=0.1 seed=3`."""
    names = parameter_names(paths)
    given = job.overrides
    return " ".join(f"{names[path]}={value_text(given[path])}" for path in paths if path in given)
