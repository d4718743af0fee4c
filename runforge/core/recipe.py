"""Which runs do the same, and which differ only in their parameters: two digests of a request. Pure.

A configuration is all that decides what a run computes. Names, remarks, times, limits, retries and the environment do
not count. A recipe is a configuration without its parameters.
"""

from __future__ import annotations

from runforge import light_json
from runforge.digest import sha256_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

#: Fields of a request that decide nothing about what the run computes.
_ABOUT = frozenset(
    {
        *("$schema", "name", "notes", "tags", "created_at", "created_by", "sweep_group_id", "rerun_from"),
        *("timeout_seconds", "grace_seconds", "retry", "environment", "objective", "metrics", "notify"),
        *("resumable", "on_lost", "code", "stop", "priority"),
        *("yield_signal", "stall_seconds", "stall_kill"),
    }
)
_HYPERPARAMETERS = "model.hyperparameters"
#: The counter of `--repeat`.
REPEAT = "repeat"


def config_hash(request: Mapping[str, Any]) -> str:
    """Return the digest of what a request computes: equal for equal runs."""
    return _digest(_what_counts(request))


def recipe(request: Mapping[str, Any], varied: Iterable[str] = ()) -> str:
    """Return the digest of a request without its hyperparameters and the dot paths that its sweep varies."""
    document = light_json.loads(light_json.dumps(_what_counts(request)))
    for path in (_HYPERPARAMETERS, REPEAT, *varied):
        *parents, last = path.split(".")
        place: Any = document
        for name in parents:
            place = place.get(name) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.pop(last, None)
    return _digest(document)


def _what_counts(request: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: value for name, value in request.items() if name not in _ABOUT}
    device, resources = found.pop("device", None), found.pop("resources", None)
    gpus = resources.get("gpus") if isinstance(resources, dict) else None
    is_gpu = isinstance(device, dict) and device.get("type") == "gpu"
    if is_gpu:
        found["gpus"] = gpus or 1
    if found.get(REPEAT) == 1:  # the first of several is the run as it would be alone
        del found[REPEAT]
    return found


def _digest(document: Any) -> str:
    text = light_json.dumps(document, sort_keys=True, separators=(",", ":"))
    return sha256_of(text.encode("utf-8", "surrogatepass"))
