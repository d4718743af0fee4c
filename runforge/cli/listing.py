"""Lists of jobs and groups. Without Typer, so that they start quickly."""

from __future__ import annotations

from itertools import islice

from runforge.cli import output, tables
from runforge.cli.quick_lists import SHOWN, older_text
from runforge.core import job_numbers
from runforge.core.states import State
from runforge.errors import InvalidRequest, OperationFailed
from runforge.machine import disk_space
from runforge.named import NamedTuple
from runforge.store.opening import exists
from runforge.views import lists, resolve
from runforge.views.shown import JobView, RunView
from runforge.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

#: The newest run.
NEWEST = "@last"


def groups(here: Workspace, *, as_json: bool = False) -> int:
    """List the groups, oldest first."""
    found = lists.groups(here)
    if as_json:
        output.print_json("groups", [group.to_json() for group in found])
    elif found:
        tables.print_groups(found)
    else:
        output.note("There is no group yet")
    return 0


class Which(NamedTuple):
    """Which jobs are listed."""

    group: str | None = None
    state: str | None = None
    tag: str | None = None
    limit: int | None = None


def jobs(here: Workspace, which: Which, *, as_json: bool = False) -> int:
    """List jobs in order of creation, without any choice the newest. Raises InvalidRequest for a state that there is not."""
    checked_state(which.state)
    group_id = None if which.group is None else resolve.group_id(here, which.group)
    older = 0
    found: Iterable[JobView]
    if as_json or any(which):
        each = lists.each_job(here, group_id=group_id, state=which.state)
        found = islice((job for job in each if which.tag in {None, *job.tags}), which.limit)
    else:
        found, total = lists.newest_jobs(here, SHOWN)
        older = total - len(found)
    is_chosen = which.state or which.group or which.tag
    states = _print(found, "No job matches" if is_chosen else "There is no job yet", as_json=as_json)
    if older:
        output.note(older_text(older))
    if State.QUEUED.value in states and (lacking := disk_space.shortage(here)) is not None:
        output.note(f"Queued jobs wait: {lacking.text}")
    return 0


def _print(found: Iterable[JobView], none: str, *, as_json: bool) -> set[str]:
    """Print jobs as they come; as a table, return their states."""
    if as_json:
        output.print_json_list("jobs", (job.to_json() for job in found))
        return set()
    states = tables.print_jobs(found)
    if not states:
        output.note(none)
    return states


def chosen(
    here: Workspace, targets: Sequence[str], where: str | None, which: Which, *, as_json: bool = False
) -> int:
    """List the jobs that targets and a filter mean, in that order."""
    checked_state(which.state)
    group_id = None if which.group is None else resolve.group_id(here, which.group)
    found = (
        job
        for job in lists.each_chosen(here, targets, where)
        if group_id in {None, job.group_id}
        and which.state in {None, job.state}
        and which.tag in {None, *job.tags}
    )
    _print(islice(found, which.limit), "No job matches", as_json=as_json)
    return 0


def checked_state(state: str | None) -> None:
    """Raise InvalidRequest for a state that there is not."""
    known = [s.value for s in State]
    if state is not None and state not in known:
        raise InvalidRequest(f"--state {state[:40]!r} is unknown", fix=f"Use one of {', '.join(known)}")


def run_names(here: Workspace, targets: Sequence[str], where: str | None) -> list[str]:
    """Return the ids of the runs that are meant, by default the newest."""
    if where is None and not targets:
        return [NEWEST]
    if where is None and len(targets) == 1 and job_numbers.one(targets[0]) is not None:
        return list(targets)  # the way of nearly all calls: the journal is opened once
    return [job.run_id for job in lists.chosen(here, targets, where, runs_only=True)]


def run_view(here: Workspace, name: str) -> RunView:
    """Return the one run that a name means; a workspace without a journal has none."""
    if not exists(here):
        raise OperationFailed(
            f"no run {name[:140]!r}: nothing has been enqueued in this workspace",
            where=str(here.root),
            fix="Start with `runforge enqueue-sweep` or `enqueue-run`",
        )
    return lists.run(here, name)
