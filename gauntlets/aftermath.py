"""The end of a gauntlet with random kills: nothing stays paused, the queue runs empty, all is checked."""

from __future__ import annotations

from collections.abc import Iterable

from runforge import workspace as workspaces
from runforge.drills import invariants
from runforge.drills.arena import Arena, Unmet
from runforge.drills.scene import Scene
from runforge.queue import pause
from runforge.views import glance, lists
from runforge.workspace import Workspace


def resume_all(workspace: Workspace) -> None:
    """Let every group start runs."""
    for group in lists.groups(workspace):
        if group.paused:
            pause.resume_group(workspace, group.group_id)


def is_busy(workspace: Workspace) -> bool:
    """Return whether anything is queued or running."""
    counts = glance.queue_summary(workspace).counts
    return counts["queued"] + counts["running"] > 0


def check(here: Scene, acknowledged: Iterable[str]) -> list[str]:
    """Stop everything; return what is left over, what invariants are broken, and who fell over."""
    found = []
    try:
        Arena.finish(here)
    except Unmet as error:
        found.append(str(error))
    found += invariants.check(workspaces.at(here.root), here.witness, acknowledged=acknowledged)
    return found + _tracebacks(here)


def _tracebacks(here: Scene) -> list[str]:
    """Return where a daemon, a zygote or a supervisor crashed."""
    files = [*here.root.parent.glob("*.out"), here.root / ".runforge/queue/zygote.log"]
    files += here.root.glob(".runforge/pilots/*/*.*")
    found = []
    for path in files:
        text = path.read_text("utf-8", errors="replace") if path.exists() else ""
        if "Traceback" in text:
            found.append(f"{path.name}: {text[text.index('Traceback') :][-1500:]}")
    return found
