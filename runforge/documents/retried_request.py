"""The request of a run that is tried again with another value of a parameter, because a retry rule says so.

The file stays as it was. The new value is one of the job's overrides.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from runforge.core import retrying
from runforge.core.records import Job
from runforge.documents.request import Request


def with_changes(request: Request, job: Job) -> Request:
    """Return the request with the values that the job's retry rules have given it."""
    overrides = json.loads(job.overrides)
    changed = {}
    for rule in retrying.from_json(job.retry_rules):
        path = f"{retrying.HYPERPARAMETERS}.{retrying.parameter_of(rule.change)}" if rule.change else ""
        if path in overrides:
            changed[path] = overrides[path]
    if not changed:
        return request
    raw = copy.deepcopy(request.raw)
    for path, value in changed.items():
        _put(raw, path, value)
    return request._replace(raw=raw, hyperparameters=dict(raw["model"]["hyperparameters"]))


def _put(document: dict[str, Any], path: str, value: Any) -> None:
    *parents, last = path.split(".")
    place = document
    for name in parents:
        place = place.setdefault(name, {})
    place[last] = value
