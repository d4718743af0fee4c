"""The commands that change queued and running runs and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING

from runforge.cli import changes, output
from runforge.core.states import LIVE, Cause, State
from runforge.errors import InvalidRequest
from runforge.queue.changed import Changed
from runforge.views import resolve

if TYPE_CHECKING:
    from pathlib import Path

    from runforge.core.records import Job

_NOTHING = Changed([], [])


def cancel(
    targets: list[str],
    where: str | None,
    yes: bool,
    workspace: Path | None,
    as_json: bool,
    let_running_finish: bool,
) -> int:
    """Cancel the queued runs at once and stop the running ones."""
    from runforge.queue.cancel import cancel as cancel_jobs

    here, selection = changes.choose(workspace, targets, where, yes=yes, wish="Cancel")
    job_ids = changes.wanted(selection, lambda job: job.state in LIVE)
    groups = [group.group_id for group in selection.groups]
    done = cancel_jobs(here, job_ids, groups, let_running_finish=let_running_finish)
    code = changes.report(done, as_json=as_json)
    closed = [group.group_id for group in selection.groups if group.is_open]
    for group_id in closed:
        output.note(f"{group_id} makes no more trials")
    return 0 if closed else code


def retry(
    targets: list[str],
    where: str | None,
    yes: bool,
    workspace: Path | None,
    as_json: bool,
    alone: bool,
) -> int:
    """Queue failed and canceled runs again; of a group the failed ones, if it has some."""
    from runforge.queue.retry import retry as retry_jobs

    here, selection = changes.choose(workspace, targets, where, yes=yes, wish="Retry")
    job_ids = changes.wanted(selection, lambda job: job.state is State.FAILED)
    done = retry_jobs(here, job_ids, alone=alone)
    code = changes.report(done, as_json=as_json)
    canceled = [job for job in selection.jobs if job.state is State.CANCELED and job.job_id not in job_ids]
    left = sum(alone or job.cause != Cause.DEPENDENCY.value for job in canceled)  # the others come back too
    if left:
        what, them = ("1 canceled run is", "it") if left == 1 else (f"{left} canceled runs are", "them")
        output.note(f"{what} left; --where state:canceled retries {them}")
    return code


def hold(targets: list[str], where: str | None, yes: bool, workspace: Path | None, as_json: bool) -> int:
    """Hold queued runs back."""
    from runforge.queue import hold as holding

    here, selection = changes.choose(workspace, targets, where, yes=yes, wish="Hold")
    job_ids = changes.wanted(selection, lambda job: job.state is State.QUEUED and not job.held)
    return changes.report(holding.hold(here, job_ids), as_json=as_json)


def release(targets: list[str], where: str | None, yes: bool, workspace: Path | None, as_json: bool) -> int:
    """Let held runs start."""
    from runforge.queue import hold as holding

    here, selection = changes.choose(workspace, targets, where, yes=yes, wish="Release")
    job_ids = changes.wanted(selection, lambda job: job.held)
    return changes.report(holding.release(here, job_ids), as_json=as_json)


def pause(targets: list[str], workspace: Path | None, as_json: bool) -> int:
    """Pause groups, and hold single runs."""
    return _pause(targets, workspace, as_json=as_json, is_paused=True)


def resume(targets: list[str], workspace: Path | None, as_json: bool) -> int:
    """Resume groups, and release single runs."""
    return _pause(targets, workspace, as_json=as_json, is_paused=False)


def _pause(targets: list[str], workspace: Path | None, *, as_json: bool, is_paused: bool) -> int:
    from runforge.queue import hold as holding
    from runforge.queue import pause as pausing

    here, selection = changes.choose(workspace, targets, None, yes=True, wish="Pause")
    group_ids = [group.group_id for group in selection.groups]
    runs = [job.job_id for job in selection.jobs if job.job_id in selection.named]
    groups, same = pausing.set_paused(here, group_ids, is_paused=is_paused) if group_ids else ([], [])
    done = (holding.hold if is_paused else holding.release)(here, runs) if runs else _NOTHING
    reason = "already paused" if is_paused else "not paused"
    shown = [group._replace(is_paused=is_paused) for group in groups]
    code = changes.report(
        done, as_json=as_json, groups=shown, groups_skipped=[(group, reason) for group in same]
    )
    if done.changed and is_paused:
        output.note("Only groups are paused; runs are held until `release` or `resume`")
    if is_paused and any(not group.queued and not group.running for group in groups):
        output.note("A group that has ended already is paused for what you retry in it")
    return code


def move(
    targets: list[str],
    where: str | None,
    yes: bool,
    workspace: Path | None,
    as_json: bool,
    front: bool,
    back: bool,
    before: str | None,
    after: str | None,
) -> int:
    """Move queued runs inside their group."""
    from runforge.queue import move as moving

    if sum((front, back, before is not None, after is not None)) != 1:
        raise InvalidRequest("give one place", fix="Use --front, --back, --before RUN or --after RUN")
    here, selection = changes.choose(workspace, targets, where, yes=yes, wish="Move")
    place = moving.FRONT if front else moving.BACK
    beside = before or after
    if beside is not None:
        job_id = resolve.select(here, [resolve.run_id(here, beside)]).jobs[0].job_id
        place = moving.before(job_id) if before else moving.after(job_id)
    job_ids = changes.wanted(selection, lambda job: job.state is State.QUEUED)
    return changes.report(moving.move(here, job_ids, place), as_json=as_json)


def set_priority(
    targets: list[str],
    priority: int,
    where: str | None,
    yes: bool,
    workspace: Path | None,
    as_json: bool,
) -> int:
    """Set the priority of live runs."""
    from runforge.queue import priority as priorities

    here, selection = changes.choose(workspace, targets, where, yes=yes, wish=f"Set priority {priority} on")
    job_ids = changes.wanted(selection, _is_live)
    return changes.report(priorities.set_priorities(here, job_ids, priority), as_json=as_json)


def _is_live(job: Job) -> bool:
    return job.state in LIVE
