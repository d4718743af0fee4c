"""Pauses and resumes groups. A paused group starts no runs."""

from __future__ import annotations

from collections.abc import Sequence

from runforge import clock
from runforge.core.records import Group
from runforge.queue.change import change
from runforge.store import targets
from runforge.workspace import Workspace


def pause_group(workspace: Workspace, name: str) -> str:
    """Start no more runs of the group; running runs continue. Returns the group's id."""
    return _set_paused(workspace, name, is_paused=True)


def resume_group(workspace: Workspace, name: str) -> str:
    """Let the group start runs again. Returns the group's id."""
    return _set_paused(workspace, name, is_paused=False)


def set_paused(
    workspace: Workspace, group_ids: Sequence[str], *, is_paused: bool
) -> tuple[list[Group], list[Group]]:
    """Pause or resume groups in one change; return those that were changed, and those that were so already."""
    with change(workspace) as tx:
        groups = [targets.group(tx, group_id) for group_id in group_ids]
        now = clock.now()
        for group in groups:
            tx.run("groups.set_paused", group_id=group.group_id, is_paused=int(is_paused), now=now)
    same = [group for group in groups if group.is_paused == is_paused]
    return [group for group in groups if group.is_paused != is_paused], same


def _set_paused(workspace: Workspace, name: str, *, is_paused: bool) -> str:
    with change(workspace) as tx:
        group_id = targets.group_id(tx, name)
        tx.run("groups.set_paused", group_id=group_id, is_paused=int(is_paused), now=clock.now())
    return group_id
