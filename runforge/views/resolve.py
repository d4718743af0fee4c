"""Finds what a typed name means: the id of a group, of a run, of either, or several at once."""

from __future__ import annotations

from runforge.core.records import Group, Job
from runforge.store import targets
from runforge.store.opening import open_snapshot, require_journal
from runforge.store.targets import Selection
from runforge.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def group_id(workspace: Workspace, name: str) -> str:
    """Return the id of the one group that a name means."""
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return targets.group_id(tx, name)


def has_ended(workspace: Workspace, group: str) -> bool:
    """Return whether nothing of a group is queued or running."""
    with open_snapshot(workspace) as journal, journal.read() as tx:
        found = targets.group(tx, group)
    return not found.queued and not found.running


def run_id(workspace: Workspace, name: str) -> str:
    """Return the id of the one run that a name means."""
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return targets.job(tx, name).run_id


def select(workspace: Workspace, names: Sequence[str], where: str | None = None) -> Selection:
    """Return the runs and groups that several names mean, less what a filter leaves out."""
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return targets.select(tx, names, where)


def live(workspace: Workspace) -> list[Group | Job]:
    """Return the groups, and the runs without one, of which something is queued or running."""
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return targets.live(tx)


def either(workspace: Workspace, name: str) -> Group | Job:
    """Return the one group or run that a name means."""
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return targets.either(tx, name)
