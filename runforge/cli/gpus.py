"""Shows the machine's GPUs, and gives quarantined ones back."""

from __future__ import annotations

from pathlib import Path

from runforge import clock
from runforge.cli import output
from runforge.cli.options import find
from runforge.errors import Missing
from runforge.views import gpus as views
from runforge.views.gpus import GpusShown
from runforge.workspace import Workspace


def gpus(workspace: Path | None, as_json: bool, utc: bool, release: str | None) -> int:
    """Print each GPU with what is on it; with `release`, let runs start on it again."""
    if utc:
        clock.use_utc()
    if release is None:
        found = views.read(_workspace(workspace))
    else:
        from runforge.queue import devices

        here = find(workspace)
        found = views.read(here)
        meant = [gpu.uuid for gpu in views.find(found.gpus, release)]
        uuid = devices.release(here, release, meant)
        found = views.read(here)
        if not as_json:
            print(f"Released {uuid}: it gets runs again")
    if as_json:
        output.print_json("gpus", found.to_json())
        return 0
    _print(found)
    return 0


def _workspace(given: Path | None) -> Workspace | None:
    """Return the workspace; the machine's GPUs can be seen without one, unless one is given."""
    try:
        return find(given)
    except Missing:
        if given is not None:
            raise
        return None


def _print(found: GpusShown) -> None:
    if found.gpus:
        rows = [
            [
                gpu.index,
                gpu.name,
                views.memory_text(gpu),
                "?" if gpu.use is None else f"{gpu.use} %",
                views.held_text(gpu),
            ]
            for gpu in found.gpus
        ]
        output.table(["GPU", "NAME", "MEMORY", "USE", "HELD BY"], rows, flexible=[4, 1])
    for line in found.refused:
        print(output.safe(line, 300))
    if found.problem is not None:
        print(f"{output.safe(found.problem, 300)}; runs that need a GPU wait")
    elif not found.gpus:
        print(f"No GPU: {output.safe(found.absence or 'none was found', 300)}")
