"""What is on the daemon's GPUs that is not this queue's: it keeps runs from starting, and nobody knows its end."""

from __future__ import annotations

from runforge.named import NamedTuple
from runforge.views.gpus import process_text, read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from runforge.workspace import Workspace


class Stranger(NamedTuple):
    """A process of somebody else, or another queue, on a device."""

    number: int
    device: str
    name: str
    #: Who it is, as a part of a sentence.
    text: str


def on_devices(workspace: Workspace, devices: Collection[str]) -> tuple[Stranger, ...]:
    """Return who else is on these devices now. The driver is asked."""
    found = []
    for gpu in read(workspace).gpus:
        if gpu.uuid in devices:
            texts = [process_text(owner) for owner in gpu.processes]
            texts += [f"held by {gpu.held_by}"] if gpu.held_by is not None else []
            found += [Stranger(gpu.index, gpu.uuid, gpu.name, text) for text in texts]
    return tuple(found)
