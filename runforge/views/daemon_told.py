"""What a live daemon has written of itself into daemon.json. Light: `show` asks for its GPUs."""

from __future__ import annotations

from runforge import clock
from runforge.files.reading import read_bounded
from runforge.light_json import loads
from runforge.named import NamedTuple
from runforge.store import daemon_holder
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.place import Place
    from runforge.workspace import Workspace

_LIMIT = 256 * 1024


class Told(NamedTuple):
    """What a daemon has written of itself."""

    heartbeat: str | None = None
    problem: str | None = None
    gpus: tuple[dict[str, Any], ...] = ()
    reserved: dict[str, Any] | None = None
    trouble: str | None = None
    backend: str = "local"
    note: str | None = None
    #: What the cluster has said of its nodes.
    nodes: dict[str, Any] | None = None


def read(workspace: Workspace | Place) -> Told:
    """Return the heartbeat and what the daemon says of the GPUs, as it has written them itself."""
    try:
        told = loads(read_bounded(workspace.daemon_json, _LIMIT).decode())
        beat, problem, trouble = told["last_heartbeat"], told.get("gpu_problem"), told.get("backend_problem")
        clock.seconds_between(beat, beat)
        gpus = tuple(gpu for gpu in told.get("gpus") or () if isinstance(gpu.get("uuid"), str))
        reserved = told.get("gpus_reserved")
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return Told()
    return Told(
        str(beat),
        None if problem is None else str(problem),
        gpus,
        reserved if isinstance(reserved, dict) else None,
        None if trouble is None else str(trouble),
        str(told.get("backend", "local")),
        None if told.get("backend_note") is None else str(told["backend_note"]),
        nodes if isinstance(nodes := told.get("nodes"), dict) else None,
    )


def is_live(workspace: Workspace | Place) -> bool:
    """Return whether a daemon holds the lock, without reading the journal."""
    return daemon_holder.holder(workspace) is not None


def note(workspace: Workspace | Place) -> str | None:
    """Return what a live daemon tells of its cluster although it launches, without a look at the journal."""
    return read(workspace).note if is_live(workspace) else None


def gpus(workspace: Workspace | Place) -> tuple[dict[str, Any], ...]:
    """Return the devices of a live daemon as it has told them, without a look at the journal."""
    return read(workspace).gpus if is_live(workspace) else ()


def has_gpus(workspace: Workspace | Place) -> bool:
    """Return whether there are GPUs here: the daemon's, or without one the machine's. NVML is not asked."""
    return bool(gpus(workspace)) if is_live(workspace) else os.path.exists("/dev/nvidia0")
