"""Commands that stay: a run's log as it grows, and waiting for runs to end."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from runforge.cli import output
from runforge.cli.listing import run_view
from runforge.cli.log_printer import LogPrinter
from runforge.cli.options import checked_seconds, find
from runforge.errors import InvalidRequest, Missing, OperationFailed
from runforge.text import did_you_mean
from runforge.views import daemon_status, lists, newest, shown
from runforge.workspace import Workspace

_PAUSE = 0.2
_ENDED = ("succeeded", "failed", "canceled")
#: The exit codes of `wait` for the states and statuses that are no success.
_CODES = {"completed": 0, "succeeded": 0, "failed": 1, "canceled": 5}


def logs(run: str, workspace: Path | None, follow: bool, attempt: int | None) -> int:
    """Print the log of an attempt, the newest if none was asked for."""
    here = find(workspace)
    folder, job = _find_run(here, run)
    if attempt is not None and (job is None or attempt != job.attempt):
        folder, follow = folder / "previous" / str(attempt), False
    path = folder / "logs.txt"
    is_live = job is not None and job.state not in _ENDED
    if not path.is_file() and not (follow and is_live):
        state = f"The run is {job.state}" if job else "See what its folder holds"
        raise Missing(f"there is no log at {path}", fix=state)
    printer = LogPrinter(path)
    while follow and job is not None and is_live:
        printer.pump()
        time.sleep(_PAUSE)
        is_live = lists.run(here, job.run_id).job.state not in _ENDED
    printer.pump()
    printer.finish()
    return 0


def _find_run(here: Workspace, name: str) -> tuple[Path, shown.JobView | None]:
    """Return a run's folder and its job; `run` executes runs that no job knows."""
    try:
        view = run_view(here, name)
    except OperationFailed:
        try:
            folder = here.find_run_dir(name)
        except InvalidRequest:
            folder = None
        if folder is None:
            raise
        return folder, None
    return view.folder, view.job


def wait(name: str, workspace: Path | None, timeout: float | None, as_json: bool) -> int:
    """Wait for the end of what the name means; return the exit code of that end."""
    here = find(workspace)
    deadline = None
    if timeout is not None:
        deadline = time.monotonic() + checked_seconds("--timeout", timeout)
    group_id, run_id = _meant(here, name)
    told = ""
    while True:
        end = _end_of_group(here, group_id) if group_id else lists.run(here, run_id).job
        if isinstance(end, shown.JobView) and end.state not in _ENDED:
            end = None
        if end is not None:
            return _conclude(here, end, as_json=as_json)
        obstacle = _obstacle(here, group_id)
        if obstacle not in {"", told}:
            _erase()
            output.note(obstacle)
        told = obstacle
        if deadline is not None and time.monotonic() > deadline:
            _erase()
            raise OperationFailed(f"{group_id or run_id} has not ended after {timeout:g} s")
        time.sleep(_PAUSE)


def _meant(here: Workspace, name: str) -> tuple[str, str]:
    """Return (group id, "") or ("", run id) of what a name means."""
    from runforge.queue import changes

    try:
        return changes.resolve_group(here, name), ""
    except OperationFailed:
        groups, runs = newest.known_ids(here)
        if not runs or (name and any(known.startswith(name) for known in groups)):
            raise
    try:
        return "", changes.resolve_run(here, name)
    except OperationFailed:
        if name and any(known.startswith(name) for known in runs):
            raise
        hint = did_you_mean(name, [*groups, *runs]) or "`runforge groups` and `runforge jobs` list them"
        raise OperationFailed(f"no group or run {name[:140]!r} in this workspace", fix=hint) from None


def _end_of_group(here: Workspace, group_id: str) -> shown.GroupView | None:
    """Return the group if it has ended; show its progress."""
    group = find_group(here, group_id)
    progress(group)
    return None if group.status == "running" else group


def find_group(here: Workspace, group_id: str) -> shown.GroupView:
    """Return a group that was there a moment ago."""
    for group in lists.groups(here):
        if group.group_id == group_id:
            return group
    raise OperationFailed(f"group {group_id} is gone", fix="`prune` has removed it")


def _obstacle(here: Workspace, group_id: str) -> str:
    """Return why the waiting may take for ever, or an empty text."""
    daemon = daemon_status.daemon_status(here)
    if not daemon.is_live:
        return "No daemon is running; `runforge daemon --detach` starts one"
    if group_id and find_group(here, group_id).paused:
        return f"The group is paused; `runforge resume-group --group-id {group_id}` lets it go on"
    return ""


def _conclude(here: Workspace, end: shown.GroupView | shown.JobView, *, as_json: bool) -> int:
    """Tell how it ended; return the exit code."""
    is_group = isinstance(end, shown.GroupView)
    if is_group and _draws():
        print(file=sys.stderr)
    if as_json:
        output.print_json("group" if is_group else "job", end.to_json())
    elif isinstance(end, shown.GroupView):
        print(
            f"{end.group_id} {end.status}: {end.succeeded} succeeded, {end.failed} failed, "
            f"{end.canceled} canceled"
        )
        _print_best(here, end.group_id)
    else:
        print(f"{end.run_id} {end.state}{': ' + output.safe(end.error) if end.error else ''}")
    return _CODES[end.status if isinstance(end, shown.GroupView) else end.state]


def _print_best(here: Workspace, group_id: str) -> None:
    from runforge.views import ranking

    ranked = ranking.best_first(here, group_id)
    if ranked:
        best = ranked[0]
        print(f"Best run: {best.run_id}, {output.safe(output.metric(best.metric_name, best.metric_value))}")


def _draws() -> bool:
    return output.can_redraw(sys.stderr)


def _erase() -> None:
    if _draws():
        sys.stderr.write("\r\x1b[K")


def progress(group: shown.GroupView) -> None:
    """Draw a group's bar on a terminal's standard error."""
    if not _draws():
        return
    done = group.succeeded + group.failed + group.canceled
    width = output.terminal_width()
    line = f"{output.bar(done, group.total)} {done}/{group.total}  {group.running} running" + (
        f"  {group.failed} failed" if group.failed else ""
    )
    sys.stderr.write(f"\r\x1b[K{line[: width - 1]}")
    sys.stderr.flush()
