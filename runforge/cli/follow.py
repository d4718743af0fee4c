"""Commands that wait: for a growing log, and for the end of runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

from runforge.cli import output
from runforge.cli.listing import run_view
from runforge.cli.log_printer import LogPrinter
from runforge.cli.options import checked_seconds, find
from runforge.core.records import Group, Job
from runforge.errors import InvalidRequest, Missing, OperationFailed
from runforge.store.journal import Transaction
from runforge.views import awaited, daemon_status, resolve
from runforge.views.awaited import Awaited, has_ended
from runforge.views.shown import GroupView, JobView
from runforge.workspace import Workspace

_PAUSE = 0.2
#: The exit codes of `wait` for the states and statuses without success.
_CODES = {"completed": 0, "succeeded": 0, "failed": 1, "canceled": 5}


def logs(run: str, workspace: Path | None, follow: bool, attempt: int | None) -> int:
    """Print the log of an attempt; by default the newest."""
    here = find(workspace)
    folder, job = _find_run(here, run)
    if attempt is not None and (job is None or attempt != job.attempt):
        folder, follow = folder / "previous" / str(attempt), False
    path = folder / "logs.txt"
    is_live = job is not None and not has_ended(job)
    if not path.is_file() and not (follow and is_live):
        state = f"The run is {job.state}" if job else "See what is in its folder"
        raise Missing(f"there is no log at {path}", fix=state)
    printer = LogPrinter(path)
    if follow and job is not None and is_live:
        with Awaited(here, awaited.job(job.run_id)) as run_now:
            while not has_ended(run_now.look()):
                printer.pump()
                time.sleep(_PAUSE)
    printer.pump()
    printer.finish()
    return 0


def _find_run(here: Workspace, name: str) -> tuple[Path, JobView | None]:
    """Return a run's folder and its job; runs of `run` have no job."""
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
    return view.run_dir, view.job


def wait(name: str, workspace: Path | None, timeout: float | None, as_json: bool) -> int:
    """Wait until the named run or group has ended; return its exit code."""
    here = find(workspace)
    deadline = None
    if timeout is not None:
        deadline = time.monotonic() + checked_seconds("--timeout", timeout)
    found = resolve.either(here, name)
    end = _end_of(here, found, deadline)
    if end is None:
        what = found.group_id if isinstance(found, Group) else found.run_id
        raise OperationFailed(f"{what} has not ended after {timeout:g} s")
    return _conclude(here, end, as_json=as_json)


def _end_of(here: Workspace, found: Group | Job, deadline: float | None) -> GroupView | JobView | None:
    """Return how it ended, None at the deadline; show a group's progress and why it waits."""
    drawn: GroupView | JobView | None = None
    noted = ""
    with Awaited(here, _read(found)) as it_now:
        while True:
            view = it_now.look()
            if view != drawn and isinstance(view, GroupView):
                progress(view)
            drawn = view
            if has_ended(view):
                return view
            obstacle = _obstacle(here, view)
            if obstacle not in {"", noted}:
                _erase()
                output.note(obstacle)
                drawn = None
            noted = obstacle
            if deadline is not None and time.monotonic() > deadline:
                _erase()
                return None
            time.sleep(_PAUSE)


def _read(found: Group | Job) -> Callable[[Transaction], GroupView | JobView]:
    return awaited.group(found.group_id) if isinstance(found, Group) else awaited.job(found.run_id)


def _obstacle(here: Workspace, view: GroupView | JobView) -> str:
    """Return why the waiting may never end, or an empty text."""
    if not daemon_status.is_live(here):
        return "No daemon is running; `runforge daemon --detach` starts one"
    if isinstance(view, GroupView) and view.paused:
        return f"The group is paused; `runforge resume-group --group-id {view.group_id}` resumes it"
    return ""


def _conclude(here: Workspace, end: GroupView | JobView, *, as_json: bool) -> int:
    """Print how it ended; return the exit code."""
    is_group = isinstance(end, GroupView)
    if is_group and _draws():
        print(file=sys.stderr)
    if as_json:
        output.print_json("group" if is_group else "job", end.to_json())
    elif isinstance(end, GroupView):
        print(
            f"{end.group_id} {end.status}: {end.succeeded} succeeded, {end.failed} failed, "
            f"{end.canceled} canceled"
        )
        _print_best(here, end.group_id)
    else:
        print(f"{end.run_id} {end.state}{': ' + output.safe(end.error) if end.error else ''}")
    return _CODES[end.status if isinstance(end, GroupView) else end.state]


def _print_best(here: Workspace, group_id: str) -> None:
    from runforge.views import ranking

    ranked = ranking.ranked(here, group_id)
    if ranked.why_none:
        output.note(f"No run is called best: {ranked.why_none}")
    if ranked.best_first:
        best = ranked.best_first[0]
        print(f"Best run: {best.run_id}, {output.safe(output.metric(best.metric_name, best.metric_value))}")


def _draws() -> bool:
    return output.can_redraw(sys.stderr)


def _erase() -> None:
    if _draws():
        sys.stderr.write("\r\x1b[K")


def progress(group: GroupView) -> None:
    """Draw a group's progress bar on standard error, if it is a terminal."""
    if not _draws():
        return
    done = group.succeeded + group.failed + group.canceled
    width = output.terminal_width()
    line = f"{output.bar(done, group.total)} {done}/{group.total}  {group.running} running" + (
        f"  {group.failed} failed" if group.failed else ""
    )
    sys.stderr.write(f"\r\x1b[K{line[: width - 1]}")
    sys.stderr.flush()
