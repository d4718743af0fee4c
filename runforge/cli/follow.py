"""Commands that stay: a run's log as it grows, and waiting for runs to end."""

from __future__ import annotations

import os
import shutil
import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from runforge import views
from runforge.cli import output
from runforge.cli.options import RunArgument, WorkspaceOption, complete_either, find
from runforge.errors import Missing, OperationFailed
from runforge.text import safe_log

_PAUSE = 0.2
_CHUNK = 256 * 1024
_ENDED = ("succeeded", "failed", "canceled")


def logs(
    run: RunArgument,
    workspace: WorkspaceOption = None,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on until the run ends.")] = False,
    attempt: Annotated[int | None, typer.Option("--attempt", min=1, help="An earlier attempt's log.")] = None,
) -> int:
    """Print a run's log; control characters are shown, not obeyed."""
    here = find(workspace)
    view = views.run(here, run)
    folder = view.folder
    if attempt is not None and attempt != view.job.attempt:
        folder = folder / "previous" / str(attempt)
    path = folder / "logs.txt"
    if not path.is_file() and not (follow and view.job.state in {"queued", "running"}):
        raise Missing(f"run {view.job.run_id} has no log at {path}", fix=f"It is {view.job.state}")
    position = _print_from(path, 0)
    while follow:
        is_over = views.run(here, view.job.run_id).job.state in _ENDED
        position = _print_from(path, position)
        if is_over:
            break
        time.sleep(_PAUSE)
    return 0


def _print_from(path: Path, position: int) -> int:
    """Print what the file has from a position on; return the new one. A new attempt starts anew."""
    try:
        with path.open("rb") as stream:
            if os.fstat(stream.fileno()).st_size < position:
                position = 0
            stream.seek(position)
            while chunk := stream.read(_CHUNK):
                position += len(chunk)
                if output.is_terminal():
                    sys.stdout.write(safe_log(chunk.decode("utf-8", "replace")))
                else:
                    sys.stdout.flush()
                    sys.stdout.buffer.write(chunk)
    except FileNotFoundError:
        return position
    sys.stdout.flush()
    return position


def wait(
    name: Annotated[
        str, typer.Argument(autocompletion=complete_either, metavar="[GROUP|RUN]", help="Default: @last.")
    ] = "@last",
    workspace: WorkspaceOption = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.0, help="Give up after seconds.")
    ] = None,
) -> int:
    """Wait until a group or a run has ended: 0 all succeeded, 1 one failed, 5 canceled."""
    from runforge import control

    here = find(workspace)
    deadline = None if timeout is None else time.monotonic() + timeout
    try:
        group_id: str | None = control.resolve_group(here, name)
    except OperationFailed:
        group_id = None
        name = control.resolve_run(here, name)
    while True:
        code = _group_code(here, group_id) if group_id else _run_code(here, name)
        if code is not None:
            return code
        if deadline is not None and time.monotonic() > deadline:
            raise OperationFailed(f"{name} has not ended after {timeout:g} s")
        time.sleep(_PAUSE)


def _group_code(here: Any, group_id: str) -> int | None:
    group = next(g for g in views.groups(here) if g.group_id == group_id)
    progress(group)
    if group.status == "running":
        return None
    if sys.stderr.isatty():
        print(file=sys.stderr)
    print(
        f"{group_id} {group.status}: {group.succeeded} succeeded, {group.failed} failed, "
        f"{group.canceled} canceled"
    )
    return {"completed": 0, "failed": 1}.get(group.status, 5)


def _run_code(here: Any, run_id: str) -> int | None:
    job = views.run(here, run_id).job
    if job.state not in _ENDED:
        return None
    print(f"{job.run_id} {job.state}{': ' + output.safe(job.error) if job.error else ''}")
    return {"succeeded": 0, "failed": 1}.get(job.state, 5)


def progress(group: views.GroupView) -> None:
    """Draw a group's bar on a terminal's standard error."""
    if not sys.stderr.isatty():
        return
    done = group.succeeded + group.failed + group.canceled
    width = shutil.get_terminal_size((80, 24)).columns
    line = f"{output.bar(done, group.total)} {done}/{group.total}  {group.running} running" + (
        f"  {group.failed} failed" if group.failed else ""
    )
    sys.stderr.write(f"\r\x1b[K{line[: width - 1]}")
    sys.stderr.flush()
