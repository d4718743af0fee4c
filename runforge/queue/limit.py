"""How many runs of a group go on at once, at most. The daemon keeps to it."""

from __future__ import annotations

from runforge import clock
from runforge.core.records import Group
from runforge.errors import InvalidRequest
from runforge.queue.change import change
from runforge.store import targets
from runforge.workspace import Workspace


def set_limit(workspace: Workspace, name: str, run_limit: int | None) -> Group:
    """Set a group's limit, None for no limit of its own; return the group. Runs that go on are not stopped."""
    if run_limit is not None and run_limit < 1:
        raise InvalidRequest(
            f"a limit of {run_limit} runs would start none", fix="Use 1 or more, or pause the group"
        )
    with change(workspace) as tx:
        group_id = targets.group_id(tx, name)
        tx.run("groups.set_limit", group_id=group_id, run_limit=run_limit, now=clock.now())
        return targets.group(tx, group_id)
