"""Commands for the first five minutes: a workspace with sample data, and the whole main job at once."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from runforge import views
from runforge import workspace as workspaces
from runforge.cli import output, samples
from runforge.cli.follow import progress
from runforge.cli.options import StateDirOption
from runforge.durable import write_atomic
from runforge.errors import CanceledByUser, OperationFailed
from runforge.workspace import Workspace

_PAUSE = 0.1
_BEST = 5
_PLAN = "plan.json"
_REQUEST = "request.json"
_DATA = "data/train.csv"


def make_workspace(folder: Path, state_dir: Path | None = None) -> Workspace:
    """Make a workspace with sample data, plan and request. Files that are there stay as they are."""
    try:
        (folder / "data").mkdir(parents=True, exist_ok=True)
        here = workspaces.at(folder, state_dir=state_dir)
        here.prepare()
    except (FileExistsError, NotADirectoryError) as error:
        raise OperationFailed(f"{error.filename} is in the way", fix="Give another folder") from None
    contents = {
        _DATA: samples.training_csv(),
        _PLAN: samples.encode(samples.plan(str(here.root))),
        _REQUEST: samples.encode(samples.request()),
    }
    for name, data in contents.items():
        if not (here.root / name).exists():
            write_atomic(here.root / name, data, mode=0o644)
    return here


def init(
    folder: Annotated[Path, typer.Argument(help="The folder; made if it is not there.")] = Path(),
    state_dir: StateDirOption = None,
) -> int:
    """Make a workspace with sample data, a sweep plan and a request to start from."""
    here = make_workspace(folder, state_dir)
    print(f"Workspace {here.root}")
    print(f"  {_DATA:<16} {samples.ROWS} rows to train on")
    print(f"  {_PLAN:<16} a sweep of 14 runs")
    print(f"  {_REQUEST:<16} a single run")
    print("Next:")
    place = "" if here.root == Path.cwd() else f"cd {here.root} && "
    print(f"  {place}runforge enqueue-sweep --plan {_PLAN}")
    print("  runforge daemon --detach")
    print("  runforge wait")
    return 0


def demo(
    folder: Annotated[
        Path | None, typer.Argument(help="Where; a new temporary folder by default.", show_default=False)
    ] = None,
    max_parallel: Annotated[int, typer.Option("--max-parallel", min=1, help="Runs at the same time.")] = 2,
) -> int:
    """Run the whole main job on sample data: sweep, daemon, progress, best runs."""
    here = make_workspace(folder or Path(tempfile.mkdtemp(prefix="runforge-demo-")))
    from runforge import control
    from runforge.daemon import detach, stop

    made = control.enqueue_sweep(here, (here.root / _PLAN).read_bytes(), where=_PLAN)
    print(f"Workspace  {here.root}")
    print(f"Sweep      {made.group_id}, {len(made.run_ids)} runs")
    pid = detach.start(here, max_parallel=max_parallel)
    print(f"Daemon     pid {pid}, {max_parallel} runs at a time", flush=True)
    start = time.monotonic()
    try:
        _follow(here, made.group_id)
    except KeyboardInterrupt:
        stop.stop(here, cancel_running=True)
        raise CanceledByUser("stopped; nothing is left running") from None
    seconds = time.monotonic() - start
    stop.stop(here)
    _print_best(here, made.group_id, seconds)
    return int(any(job.state != "succeeded" for job in views.jobs(here, group_id=made.group_id)))


def _follow(here: Workspace, group_id: str) -> None:
    """Show progress until the group has ended: bars on a terminal, lines elsewhere."""
    told: set[str] = set()
    while True:
        group = next(g for g in views.groups(here) if g.group_id == group_id)
        progress(group)
        if not os.isatty(2):
            _tell_new(here, group_id, told)
        if group.status != "running":
            break
        time.sleep(_PAUSE)
    if os.isatty(2):
        output.note("")


def _tell_new(here: Workspace, group_id: str, told: set[str]) -> None:
    for job in views.jobs(here, group_id=group_id):
        if job.finished_at and job.run_id not in told:
            told.add(job.run_id)
            print(
                f"  {job.run_id}  {output.state_cell(job.state)}  "
                f"{output.metric(job.metric_name, job.metric_value)}",
                flush=True,
            )


def _print_best(here: Workspace, group_id: str, seconds: float) -> None:
    from runforge import ranking

    ranked = ranking.best_first(here, group_id)
    done = sum(job.state == "succeeded" for job in views.jobs(here, group_id=group_id))
    print(f"\n{done} runs succeeded in {seconds:.1f} s; the daemon is stopped. The best:\n")
    rows = [_row(job) for job in ranked[:_BEST]]
    output.table(["RUN", "METRIC", "FAMILY", "PARAMETERS"], rows, flexible=[3, 0])
    if ranked:
        print(f"\nBest run: {ranked[0].run_id}")
        print(f"  files: {here.root / ranked[0].run_dir}")
    print(f"Look around:\n  cd {here.root}\n  runforge groups\n  runforge jobs\n  runforge show @last")


def _row(job: views.JobView) -> list[Any]:
    short = {path.rpartition(".")[2]: value for path, value in job.overrides.items()}
    family = short.pop("family", "")
    shown = ", ".join(f"{name}={value}" for name, value in short.items())
    return [job.run_id, output.metric(job.metric_name, job.metric_value), family, shown]
