"""Why a run does not run yet, what a running one does, and when runs, groups and the queue will be done.

Light: of what has ended this says all. The rest is worked out by `views.why_live`.
"""

from __future__ import annotations

from runforge import clock
from runforge.core.records import Job
from runforge.core.states import LIVE
from runforge.errors import InvalidRequest
from runforge.store import plain_targets
from runforge.views.estimate import Estimate
from runforge.views.shown import job_view
from runforge.views.why_answers import RunAnswer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from runforge.core.records import Group
    from runforge.place import Place
    from runforge.store.transaction import Transaction
    from runforge.views.why_answers import Answer
    from runforge.workspace import Workspace

#: So many runs are explained at once.
_MOST = 50


def why(workspace: Workspace, names: Sequence[str]) -> list[Answer]:
    """Return the answer for each run and group that is named; without one, that for the whole queue."""
    from runforge.store.opening import open_snapshot, require_journal

    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        return answers(tx, workspace, names)


def answers(tx: Transaction, workspace: Workspace | Place, names: Sequence[str]) -> list[Answer]:
    """Return the same of one snapshot."""
    runs, groups = _chosen(tx, names)
    if len(runs) > _MOST:
        raise InvalidRequest(f"{len(runs)} runs are too many to explain", fix=f"Name at most {_MOST}")
    if names and not groups and LIVE.isdisjoint(job.state for job in runs):
        return [RunAnswer(job_view(job, clock.now()), Estimate()) for job in runs]
    from runforge.views.why_live import Look  # what has ended waits for nothing

    if not names:
        return [Look(tx, workspace).queue()]
    look = Look(tx, workspace, runs, [group.group_id for group in groups])
    return [*(look.group(group) for group in groups), *(look.run(job) for job in runs)]


def _chosen(tx: Transaction, names: Sequence[str]) -> tuple[list[Job], list[Group]]:
    """Return the runs and the groups that are named themselves."""
    if not names:
        return [], []
    if len(names) == 1:  # the way of nearly all calls
        found = plain_targets.whole(tx, names[0]) or plain_targets.job_of_number(tx, names[0])
        if isinstance(found, Job):
            return [found], []
    from runforge.store import targets

    chosen = targets.select(tx, names)
    return [job for job in chosen.jobs if job.job_id in chosen.named], chosen.groups
