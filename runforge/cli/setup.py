"""Commands for the first five minutes: a workspace with sample data, and a complete demo."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from runforge import cells
from runforge import workspace as workspaces
from runforge.cli import output, samples
from runforge.cli.follow import progress
from runforge.errors import CanceledByUser, OperationFailed
from runforge.files.durable import write_atomic
from runforge.views import awaited, lists
from runforge.views.awaited import Awaited, has_ended
from runforge.views.shown import GroupView, JobView
from runforge.workspace import Workspace

_PAUSE = 0.1
_BEST = 5
_PLAN = "plan.json"
_REQUEST = "request.json"
_DATA = "data/train.csv"
#: Keeps the workspace out of a repository around it.
_IGNORE = ".gitignore"


def make_workspace(folder: Path, state_dir: Path | None = None, *, is_bare: bool = False) -> Workspace:
    """Make a workspace, with sample data, plan and request if it is not bare. Existing files stay unchanged."""
    try:
        if folder.is_dir():
            workspaces.require_own(folder)  # refused before anything is made in it
        (folder if is_bare else folder / "data").mkdir(parents=True, exist_ok=True)
        here = workspaces.at(folder, state_dir=state_dir)
        here.prepare()
    except (FileExistsError, NotADirectoryError) as error:
        raise OperationFailed(f"{error.filename} is in the way", fix="Give another folder") from None
    if not os.path.lexists(here.hidden / _IGNORE):
        write_atomic(here.hidden / _IGNORE, b"*\n", mode=0o644)
    if is_bare:
        return here
    contents = {
        _DATA: samples.training_csv(),
        _PLAN: samples.encode(samples.plan(str(here.root))),
        _REQUEST: samples.encode(samples.request()),
    }
    for name, data in contents.items():
        if not (here.root / name).exists():
            write_atomic(here.root / name, data, mode=0o644)
    return here


def init(folder: Path, state_dir: Path | None, bare: bool, new_journal: bool) -> int:
    """Make the workspace, and print what is in it and what to do next. A folder with other files gets no samples."""
    is_used = _is_used(folder)
    is_bare = bare or is_used
    here = make_workspace(folder, state_dir, is_bare=is_bare)
    if new_journal:
        _make_journal(here)
    print(f"Workspace {here.root}")
    if not is_bare:
        print(f"  {_DATA:<16} {samples.ROWS} rows to train on")
        runs = len(samples.plan("")["strategy"]["runs"])
        print(f"  {_PLAN:<16} a sweep of {runs} runs")
        print(f"  {_REQUEST:<16} a single run")
    else:
        why = "the folder is not empty, so it got no samples" if is_used and not bare else "no samples"
        print(f"  {'.runforge':<16} the queue and its runs; {why}")
    print("Next:")
    place = "" if here.root == Path.cwd() else f"cd {here.root} && "
    first = "submit -- python train.py" if is_bare else f"enqueue-sweep --plan {_PLAN}"
    print(f"  {place}runforge {first}")
    print("  runforge daemon --detach")
    print("  runforge wait")
    return 0


def _is_used(folder: Path) -> bool:
    """Return whether a folder has files of its own, besides a workspace's."""
    try:
        return any(name != ".runforge" for name in os.listdir(folder))
    except OSError:
        return False  # it is made, or what is wrong is told then


def _make_journal(here: Workspace) -> None:
    """Make an empty journal if there is none. The old queue.json is kept under another name."""
    from runforge.daemon.lock import DaemonLock
    from runforge.store.opening import make_new

    lock = DaemonLock.take(here)  # a daemon may still have the old one open
    try:
        if here.journal.exists() and here.journal.stat().st_size > 0:
            raise OperationFailed(
                f"there is a journal at {here.journal}; nothing was changed",
                fix="Move it away first, or save what is in it with `runforge doctor --recover`",
            )
        make_new(here)
        if here.queue_json.exists():
            kept = here.queue_json.with_name(f"queue.json.old-{time.strftime('%Y%m%dT%H%M%S')}")
            os.replace(here.queue_json, kept)
            output.note(f"The last export of the old queue is kept at {kept}")
    finally:
        lock.release()


def demo(folder: Path | None, max_parallel: int) -> int:
    """Make a workspace, run its sweep and print the best runs; 1 if a run did not succeed."""
    here = make_workspace(folder or Path(tempfile.mkdtemp(prefix="runforge-demo-")))
    from runforge.queue import cancel, submit

    asked = _listen()
    made = submit.enqueue_sweep(here, (here.root / _PLAN).read_bytes(), where=_PLAN)
    print(f"Workspace  {here.root}")
    print(f"Sweep      {made.group_id}, {len(made.run_ids)} runs")
    with _daemon(here, max_parallel):
        start = time.monotonic()
        _follow(here, made.group_id, asked)
        seconds = time.monotonic() - start
        if asked:
            output.note("Canceling; running runs get 10 seconds to end")
            cancel.cancel_group(here, made.group_id)
            _follow(here, made.group_id, [])
    if asked:
        output.note("Canceled; nothing is left running")
        return CanceledByUser.exit_code
    _print_best(here, made.group_id, seconds)
    return int(any(job.state != "succeeded" for job in lists.jobs(here, group_id=made.group_id)))


def _listen() -> list[int]:
    """Return a list that receives the first signal to stop; the second signal ends the process."""
    asked: list[int] = []
    before = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}

    def note(number: int, _frame: FrameType | None) -> None:
        asked.append(number)
        for known, handler in before.items():
            signal.signal(known, handler)

    for number in before:
        signal.signal(number, note)
    return asked


@contextlib.contextmanager
def _daemon(here: Workspace, max_parallel: int) -> Iterator[None]:
    """Have a daemon for the block; one that is already running here stays."""
    from runforge.daemon import detach, stop
    from runforge.store import daemon_holder

    holder = daemon_holder.holder(here)
    if holder is not None:
        print(f"Daemon     pid {holder.pid}, already running", flush=True)
        yield
        return
    pid = detach.start(here, max_parallel=max_parallel)
    print(f"Daemon     pid {pid}, {max_parallel} runs at a time", flush=True)
    try:
        yield
    except BaseException:
        stop.stop(here, cancel_running=True)
        raise
    stop.stop(here)


def _follow(here: Workspace, group_id: str, asked: list[int]) -> None:
    """Show progress until the group has ended, or the user has asked to stop."""
    printed: set[str] = set()
    drawn: GroupView | None = None
    with Awaited(here, awaited.group(group_id)) as group_now:
        while not asked:
            group = group_now.look()
            if group != drawn:
                progress(group)
                if not os.isatty(2):
                    _print_new(here, group_id, printed)
            drawn = group
            if has_ended(group):
                break
            time.sleep(_PAUSE)
    if os.isatty(2):
        output.note("")


def _print_new(here: Workspace, group_id: str, printed: set[str]) -> None:
    for job in lists.jobs(here, group_id=group_id):
        if job.finished_at and job.run_id not in printed:
            printed.add(job.run_id)
            print(
                f"  {job.run_id}  {output.state_cell(job.state)}  "
                f"{output.metric(job.metric_name, job.metric_value)}",
                flush=True,
            )


def _print_best(here: Workspace, group_id: str, seconds: float) -> None:
    from runforge.store import daemon_holder
    from runforge.views import ranking

    by, _, ranked, _ = ranking.ranked(here, group_id)
    daemon = "the daemon is stopped" if daemon_holder.holder(here) is None else "the daemon keeps running"
    done = sum(job.state == "succeeded" for job in lists.jobs(here, group_id=group_id))
    print(f"\n{done} runs succeeded in {seconds:.1f} s; {daemon}. The best:\n")
    rows = [_row(job) for job in ranked[:_BEST]]
    output.table(["#", "RUN", by.metric or "", "FAMILY", "PARAMETERS"], rows, flexible=[4, 1], ids=[1])
    if ranked:
        print(f"\nBest run: {ranked[0].run_id}")
        print(f"  files: {here.root / ranked[0].run_dir}")
    print(f"Look around:\n  cd {here.root}\n  runforge groups\n  runforge jobs\n  runforge show @last")


def _row(job: JobView) -> list[Any]:
    short = {path.rpartition(".")[2]: value for path, value in job.overrides.items()}
    family = short.pop("family", "")
    shown = ", ".join(f"{name}={value}" for name, value in short.items())
    return [job.number, job.run_id, cells.number(job.metric_value), family, shown]
