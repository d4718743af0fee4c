"""Commands that wait: for a growing log, and for the end of runs."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from runforge.cli import output
from runforge.cli.listing import NEWEST, run_view
from runforge.cli.log_printer import LogPrinter
from runforge.cli.options import checked_seconds, find
from runforge.core.records import Group, Job
from runforge.errors import InvalidRequest, Missing, OperationFailed
from runforge.store.journal import Transaction
from runforge.views import awaited, daemon_told, lists, resolve
from runforge.views.awaited import Awaited, has_ended
from runforge.views.shown import GroupView, JobView
from runforge.workspace import Workspace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_PAUSE = 0.2
#: The exit codes of `wait` for the states and statuses without success.
_CODES = {"completed": 0, "succeeded": 0, "failed": 1, "canceled": 5}


def logs(
    targets: list[str],
    where: str | None,
    workspace: Path | None,
    follow: bool,
    lines: int | None,
    attempt: int | None,
) -> int:
    """Print the log of an attempt, by default the newest, of each run."""
    here = find(workspace)
    found = _runs(here, targets, where)
    if follow and len(found) > 1:
        raise InvalidRequest(f"--follow takes one run, not {len(found)}", fix="Give one number or id")
    for place, (folder, job) in enumerate(found):
        if len(found) > 1:
            title = f"{job.number} {job.run_id}" if job else folder.name
            print(f"{chr(10) if place else ''}==> {output.safe(title)} <==")
        _print_log(here, folder, job, follow=follow, lines=lines, attempt=attempt, alone=len(found) == 1)
    return 0


def _print_log(
    here: Workspace,
    folder: Path,
    job: JobView | None,
    *,
    follow: bool,
    lines: int | None,
    attempt: int | None,
    alone: bool,
) -> None:
    if attempt is not None and (job is None or attempt != job.attempt):
        folder, follow = folder / "previous" / str(attempt), False
    path = folder / "logs.txt"
    is_live = job is not None and not has_ended(job)
    if not path.is_file() and not (follow and is_live):
        state = f"The run is {job.state}" if job else "See what is in its folder"
        if not alone:
            output.note(f"There is no log. {state}")
            return
        raise Missing(f"there is no log at {path}", fix=state)
    printer = LogPrinter(path, last=lines)
    if follow and job is not None and is_live:
        with Awaited(here, awaited.job(job.run_id)) as run_now:
            while not has_ended(run_now.look()):
                printer.pump()
                time.sleep(_PAUSE)
    printer.pump()
    printer.finish()


def _runs(here: Workspace, targets: list[str], where: str | None) -> list[tuple[Path, JobView | None]]:
    """Return the folders of the runs that are meant, and their jobs; runs of `run` have none."""
    if where is not None:
        return _with_folders(here, lists.chosen(here, targets, where, runs_only=True))
    if not targets:
        return _with_folders(here, [run_view(here, NEWEST).job])
    return [found for name in targets for found in _runs_named(here, name)]


def _runs_named(here: Workspace, name: str) -> list[tuple[Path, JobView | None]]:
    try:
        return _with_folders(here, lists.chosen(here, [name], runs_only=True))
    except OperationFailed:
        folder = _folder_named(here, name)
        if folder is None:
            raise
        return [(folder, None)]


def _with_folders(here: Workspace, jobs: Sequence[JobView]) -> list[tuple[Path, JobView | None]]:
    return [(here.root / job.run_dir, job) for job in jobs]


def _folder_named(here: Workspace, name: str) -> Path | None:
    try:
        return here.find_run_dir(name)
    except InvalidRequest:
        return None


def wait(
    targets: list[str],
    where: str | None,
    workspace: Path | None,
    every: bool,
    timeout: float | None,
    as_json: bool,
) -> int:
    """Wait until all that is meant has ended; return the exit code of the worst end."""
    here = find(workspace)
    deadline = None
    if timeout is not None:
        deadline = time.monotonic() + checked_seconds("--timeout", timeout)
    found = _awaited(here, targets, where, every=every)
    ends = []
    for each in found:
        end = _end_of(here, each, deadline)
        if end is None:
            what = each.group_id if isinstance(each, Group) else each.run_id
            raise OperationFailed(f"{what} has not ended after {timeout:g} s")
        if _draws() and isinstance(end, GroupView):
            print(file=sys.stderr)
        ends.append(end)
        if not as_json:
            _conclude(here, end)
    if as_json:
        _print_ends(ends)
    elif not ends:
        output.note("Nothing is queued or running")
    codes = {_CODES[end.status if isinstance(end, GroupView) else end.state] for end in ends}
    return 1 if 1 in codes else max(codes, default=0)


def _awaited(here: Workspace, targets: list[str], where: str | None, *, every: bool) -> list[Group | Job]:
    """Return what is waited for: each group as a whole."""
    if every:
        if targets or where is not None:
            raise InvalidRequest("--all is everything", fix="Give no TARGET and no --where with it")
        return resolve.live(here)
    names = targets or ([] if where is not None else [NEWEST])
    found = resolve.select(here, names, where)
    return [*found.groups, *(job for job in found.jobs if job.job_id in found.named)]


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
    if not daemon_told.is_live(here):
        return "No daemon is running; `runforge daemon --detach` starts one"
    if isinstance(view, GroupView) and view.paused:
        return f"The group is paused; `runforge resume-group --group-id {view.group_id}` resumes it"
    return ""


def _print_ends(ends: Sequence[GroupView | JobView]) -> None:
    """Print how one ended as its own document, or a list for several."""
    documents = [("group" if isinstance(end, GroupView) else "job", end.to_json()) for end in ends]
    if len(documents) == 1:
        output.print_json(*documents[0])
    else:
        output.print_json("waited", [{"kind": kind, **document} for kind, document in documents])


def _conclude(here: Workspace, end: GroupView | JobView) -> None:
    """Print how it ended."""
    if isinstance(end, GroupView):
        print(
            f"{end.group_id} {end.status}: {end.succeeded} succeeded, {end.failed} failed, "
            f"{end.canceled} canceled"
        )
        _print_best(here, end.group_id)
    else:
        print(f"{end.run_id} {end.state}{': ' + output.safe(end.error) if end.error else ''}")


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
