"""The fields that RunForge reads in requests and plans, and what a field that it does not read was meant to be.

A request may contain more: other programs' fields stay in the file. But a name that nobody reads is most
often a typing mistake.
"""

from __future__ import annotations

from runforge.text import nearest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

    #: name -> the names below it; None if any value is allowed below.
    Tree = dict[str, Any]

REQUEST: Tree = {
    **dict.fromkeys(("$schema", "version", "preset", "created_at", "created_by", "grace_seconds")),
    **dict.fromkeys(("name", "notes", "tags", "rerun_from", "sweep_group_id", "timeout_seconds", "retry")),
    **dict.fromkeys(("resumable", "yield_signal", "on_lost", "repeat")),
    **dict.fromkeys(("metrics", "stall_seconds", "stall_kill")),
    "dataset": dict.fromkeys(("path", "label_column", "separator", "label_type")),
    "model": dict.fromkeys(("family", "hyperparameters", "command", "cwd", "folder", "shell")),
    "device": dict.fromkeys(("type", "gpu_reason")),
    "resources": dict.fromkeys(("cpus", "gpus", "vram_mb", "mem_mb", "devices")),
    "environment": dict.fromkeys(("id", "from", "secrets")),
    "objective": dict.fromkeys(("metric", "direction")),
}
PLAN: Tree = {
    **dict.fromkeys(("$schema", "version", "kind", "created_at", "created_by", "workspace", "base_request")),
    "group": dict.fromkeys(("name", "notes")),
    "strategy": dict.fromkeys(("type", "parameters", "runs", "number", "seed", "repeat", "stop", "keep")),
    "execution": dict.fromkeys(("max_parallel", "fail_fast", "stop_on_cancel", "breaker")),
    "objective": dict.fromkeys(("metric", "direction")),
}
AXIS: Tree = dict.fromkeys(("path", "values"))
#: A parameter of a search may be an interval.
DIMENSION: Tree = dict.fromkeys(("path", "values", "low", "high", "scale"))
HYPERPARAMETERS = "model.hyperparameters"
#: Half is not enough: `retries` is no `notes`.
_ALIKE = 0.55


def unknown_in_request(request: dict[str, Any], at: str = "") -> Iterator[str]:
    """Yield the paths of the fields that RunForge does not read; a command's dataset may have any fields."""
    model = request.get("model")
    is_command = isinstance(model, dict) and model.get("family") == "command"
    return unknown(request, {**REQUEST, "dataset": None} if is_command else REQUEST, at)


def unknown(document: dict[str, Any], tree: Tree, at: str = "") -> Iterator[str]:
    """Yield the paths of an object's fields that are not in the tree, also in nested objects."""
    for name, value in document.items():
        path = f"{at}.{name}" if at else name
        if name not in tree:
            yield path
        elif tree[name] is not None and isinstance(value, dict):
            yield from unknown(value, tree[name], path)


def is_known(path: str) -> bool:
    """Return whether a dot path leads to a field of a request that RunForge reads, or into one."""
    place: Tree | None = REQUEST
    for name in path.split("."):
        if place is None:
            return True
        if name not in place:
            return False
        place = place[name]
    return True


def hint(path: str, hyperparameters: Collection[str] = (), tree: Tree | None = None) -> str:
    """Return `Did you mean 'x'?` for a path of a request (of the tree), an empty text where nothing is near it."""
    found = _meant(path, hyperparameters, REQUEST if tree is None else tree)
    return f"Did you mean '{found}'?" if found else ""


def _meant(path: str, hyperparameters: Collection[str], tree: Tree) -> str | None:
    """Try a field at a wrong place first, then a hyperparameter, then a name with a typing mistake."""
    last = path.rpartition(".")[2]
    for parent, below in tree.items():
        for tail in (path, last) if below is not None else ():
            if tail.partition(".")[0] in below:
                return f"{parent}.{tail}"
    if last in hyperparameters:
        return f"{HYPERPARAMETERS}.{last}"
    return _corrected(path, tree) or _near_hyperparameter(last, hyperparameters)


def _corrected(path: str, tree: Tree) -> str | None:
    """Return the path with each name replaced by the nearest known one; None if none is near."""
    names: list[str] = []
    place: Tree | None = tree
    for name in path.split("."):
        right = name if place is None or name in place else nearest(name, place, _ALIKE)
        if right is None:
            return None
        names.append(right)
        place = place[right] if place is not None else None
    return ".".join(names)


def _near_hyperparameter(name: str, hyperparameters: Collection[str]) -> str | None:
    found = nearest(name, hyperparameters, _ALIKE)
    return f"{HYPERPARAMETERS}.{found}" if found else None
