"""Lists of jobs and groups, and one run. Without Typer, so that they start quickly."""

from __future__ import annotations

import os

from runforge.cli import output, tables
from runforge.core.states import State
from runforge.errors import InvalidRequest, OperationFailed
from runforge.machine import disk_space
from runforge.store.opening import exists
from runforge.views import lists, log_end, resolve
from runforge.views.remarks import remarks
from runforge.views.shown import JobView, RunView
from runforge.workspace import Workspace

#: How many jobs are shown without an option.
_NEWEST = 200
#: Of how many failed runs the log's last line is shown.
_LOGS_READ = 1000


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


def jobs(
    here: Workspace,
    *,
    group: str | None = None,
    state: str | None = None,
    limit: int | None = None,
    as_json: bool = False,
) -> int:
    """List jobs in order of creation, without any choice the newest. Raises InvalidRequest for a state that there is not."""
    known = [s.value for s in State]
    if state is not None and state not in known:
        raise InvalidRequest(f"--state {state[:40]!r} is unknown", fix=f"Use one of {', '.join(known)}")
    group_id = None
    if group is not None:
        group_id = resolve.group_id(here, group)
    older = 0
    if as_json or group or state or limit:
        found = lists.jobs(here, group_id=group_id, state=state, limit=limit)
    else:
        found, total = lists.newest_jobs(here, _NEWEST)
        older = total - len(found)
    if as_json:
        output.print_json("jobs", [job.to_json() for job in found])
    elif found:
        tables.print_jobs(found, _last_lines(here, found))
        if older:
            output.note(f"{older:,} older jobs are not shown; --limit, --group or --state shows others")
        lacking = disk_space.shortage(here)
        if lacking is not None and any(job.state == State.QUEUED.value for job in found):
            output.note(f"Queued jobs wait: {lacking.text}")
    else:
        output.note("No job matches" if state or group else "There is no job yet")
    return 0


def _last_lines(here: Workspace, found: list[JobView]) -> dict[str, str]:
    """Return the last line of the log of each failed run, of a limited number: each is a file to open."""
    failed = [job for job in found if job.state == State.FAILED.value][-_LOGS_READ:]
    return {job.run_id: log_end.last_line(here.root / job.run_dir) for job in failed}


def run_view(here: Workspace, name: str) -> RunView:
    """Return the one run that a name means; a workspace without a journal has none."""
    if not exists(here):
        raise OperationFailed(
            f"no run {name[:140]!r}: nothing has been enqueued in this workspace",
            where=str(here.root),
            fix="Start with `runforge enqueue-sweep` or `enqueue-run`",
        )
    return lists.run(here, name)


def run(here: Workspace, name: str, *, as_json: bool = False) -> int:
    """Show one run: state, attempts, timeline, files."""
    view = run_view(here, name)
    if as_json:
        output.print_json("run", {**view.to_json(), "remarks": remarks(view.run_dir)})
        return 0
    job = view.job
    waits = f" ({job.waiting_text})" if job.waiting_text else ""
    lines = [
        ("Run", job.run_id),
        ("Job", job.job_id),
        ("Group", job.group_id or "none"),
        ("State", output.state_cell(job.state) + waits),
        ("Error", job.error),
        ("Metric", output.metric(job.metric_name, job.metric_value)),
        *(("Remark", sentence) for sentence in remarks(view.run_dir)),
        ("Overrides", ", ".join(f"{k}={v}" for k, v in job.overrides.items())),
        ("Priority", str(job.priority) if job.priority else ""),
        ("Created", output.moment_and_age(job.created_at)),
        ("Started", output.moment_and_age(job.started_at)),
        ("Finished", output.moment_and_age(job.finished_at)),
        ("Time", output.duration(job.seconds)),
        ("Folder", str(view.run_dir)),
        ("Files", ", ".join(sorted(os.listdir(view.run_dir))) if view.run_dir.is_dir() else "missing"),
    ]
    for label, value in lines:
        if value:
            print(f"{label:<10} {output.safe(value)}")
    for attempt in view.attempts:
        how = attempt.cause or "running"
        when = output.moment(attempt.started_at)
        print(f"Attempt {attempt.attempt}  {when}  {how}  {output.safe(attempt.error or '')}")
    print("Timeline")
    for entry in view.timeline:
        print(f"  {output.moment(entry['at'])}  {entry['event']}")
    return 0
