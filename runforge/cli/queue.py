"""Commands of the contract: what clients call, with the lines that they read."""

from __future__ import annotations

from runforge.cli import changes, output
from runforge.cli.options import find
from runforge.core.states import LIVE, State
from runforge.metrics import tokens
from runforge.queue.changed import Changed
from runforge.views import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from runforge.core.records import Job
    from runforge.store.targets import Selection
    from runforge.workspace import Workspace


def pause_group(group_id: str, workspace: Path | None, as_json: bool) -> int:
    """Pause a group and print the token of it."""
    here, found = _pause(group_id, workspace, as_json=as_json, is_paused=True)
    if as_json:
        return 0
    print(f"Paused group {found}")
    print(tokens.group_paused(found))
    if resolve.has_ended(here, found):
        output.note("The group has ended already; the pause holds back what you retry in it")
    return 0


def resume_group(group_id: str, workspace: Path | None, as_json: bool) -> int:
    """Resume a group and print the token of it."""
    _, found = _pause(group_id, workspace, as_json=as_json, is_paused=False)
    if not as_json:
        print(f"Resumed group {found}")
        print(tokens.group_resumed(found))
    return 0


def _pause(group_id: str, workspace: Path | None, *, as_json: bool, is_paused: bool) -> tuple[Workspace, str]:
    from runforge.queue import pause

    here = find(workspace)
    found = resolve.group_id(here, group_id)
    groups, same = pause.set_paused(here, [found], is_paused=is_paused)
    if as_json:
        shown = [group._replace(is_paused=is_paused) for group in groups]
        reason = "already paused" if is_paused else "not paused"
        changes.print_json(Changed([], []), shown, [(group, reason) for group in same])
    return here, found


def retry_failed(group_id: str, workspace: Path | None, as_json: bool) -> int:
    """Retry a group's failed runs and print how many."""
    from runforge.queue import retry

    here = find(workspace)
    found = _members(here, group_id)
    failed = [job.job_id for job in found.jobs if job.state is State.FAILED]
    done = retry.retry(here, failed) if failed else Changed([], [])
    if as_json:
        changes.print_json(done)
    else:
        print(f"Re-enqueued {len(done.changed)} failed runs in group {found.groups[0].group_id}")
    return 0


def cancel_group(group_id: str, workspace: Path | None, let_running_finish: bool, as_json: bool) -> int:
    """Cancel a group and print how many runs."""
    from runforge.queue import cancel

    here = find(workspace)
    found = _members(here, group_id)
    group = found.groups[0].group_id
    live = [job.job_id for job in found.jobs if job.state in LIVE]
    done = cancel.cancel(here, live, [group], let_running_finish=let_running_finish)
    if as_json:
        changes.print_json(done)
        return 0
    stopping = sum(job.state is State.RUNNING for job in done.changed)
    detail = f" ({stopping} of them running, being stopped)" if stopping else ""
    print(f"Canceled {len(done.changed)} runs in group {group}{detail}")
    return 0


def _members(here: Workspace, name: str) -> Selection:
    return resolve.select(here, [resolve.group_id(here, name)])


def cancel_run(run: str, workspace: Path | None, as_json: bool) -> int:
    """Cancel the run and say whether it had started."""
    from runforge.queue import cancel

    here = find(workspace)
    found = resolve.run_id(here, run)
    outcome = cancel.cancel_run(here, found)
    if as_json:
        changes.print_json(Changed([_job(here, found)], []))
    else:
        print(f"Canceled run {found}{' (it is being stopped)' if outcome.stopping else ''}")
    return 0


def retry_run(run: str, workspace: Path | None, as_json: bool) -> int:
    """Retry the run and print its new attempt's number."""
    from runforge.queue import retry

    job = retry.retry_run(find(workspace), run)
    if as_json:
        changes.print_json(Changed([job], []))
    else:
        print(f"Re-enqueued run {job.run_id} as attempt {job.attempt}")
    return 0


def _job(here: Workspace, run_id: str) -> Job:
    return resolve.select(here, [run_id]).jobs[0]
