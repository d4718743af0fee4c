"""Pauses and resumes groups. A paused group starts no runs."""

from __future__ import annotations

from runforge import clock
from runforge.queue.change import change
from runforge.store import targets
from runforge.workspace import Workspace


def pause_group(workspace: Workspace, name: str) -> str:
    """Start no more runs of the group; running runs continue. Returns the group's id."""
    return _set_paused(workspace, name, is_paused=True)


def resume_group(workspace: Workspace, name: str) -> str:
    """Let the group start runs again. Returns the group's id."""
    return _set_paused(workspace, name, is_paused=False)


def _set_paused(workspace: Workspace, name: str, *, is_paused: bool) -> str:
    with change(workspace) as tx:
        group_id = targets.group_id(tx, name)
        tx.run("groups.set_paused", group_id=group_id, is_paused=int(is_paused), now=clock.now())
    return group_id
