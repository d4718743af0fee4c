"""Workspaces, plans and waits that the benchmarks share."""

from __future__ import annotations

import contextlib
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench import processes
from bench.waiting import until
from runforge import clock
from runforge.cli import samples
from runforge.cli.setup import make_workspace
from runforge.core.outcome import Ending
from runforge.core.records import Group
from runforge.core.states import Cause, State
from runforge.daemon import detach, stop
from runforge.machine import os_process
from runforge.queue import submit
from runforge.store import records
from runforge.store.journal import Journal
from runforge.store.opening import open_snapshot
from runforge.store.transitions import end
from runforge.supervise import metric_files
from runforge.workspace import Workspace

CLI = processes.installed()
TRUE = {"family": "command", "command": ["true"], "hyperparameters": {}}
LOGISTIC = {"family": "logistic_regression", "hyperparameters": {}}
_PAUSE = 0.01
_ZYGOTES = 2
_RESTED = 0.5
_REST_SECONDS = 60.0
_DRAIN_SECONDS = 600.0


def plan(here: Workspace, count: int, model: dict[str, Any], *, varies: str = "seed") -> bytes:
    """Return a sweep of `count` small runs: over the seed, or over the regularization, with the same data for all."""
    values = list(range(count)) if varies == "seed" else [round(0.1 + 0.01 * n, 2) for n in range(count)]
    document = samples.plan(str(here.root))
    document["base_request"]["model"] = model
    document["strategy"] = {
        "type": "grid",
        "parameters": [{"path": f"model.hyperparameters.{varies}", "values": values}],
    }
    return samples.encode(document)


def fresh() -> Workspace:
    """Return a new workspace with 150 rows of data."""
    here = make_workspace(Path(tempfile.mkdtemp(prefix="bench-")) / "ws")
    path = here.root / "data/train.csv"
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:151]) + b"\n")
    return here


@contextlib.contextmanager
def daemon(here: Workspace, *, max_parallel: int = 2) -> Iterator[int]:
    """Have a daemon for the block; yield its pid when it and its zygotes are idle."""
    pid = detach.start(here, max_parallel=max_parallel)
    try:
        _await_rest(pid)
        yield pid
    finally:
        stop.stop(here)


def pass_first_looks() -> None:
    """Let the time pass in which the supervisors of runs that have just started look for files of metrics more often.

    Twice that time: on a busy machine the last of many supervisors begins later than its run is said to run.
    """
    time.sleep(2 * metric_files.AT_FIRST)


def _await_rest(pid: int) -> None:
    """Wait until a daemon and both zygotes have used almost no processor time for half a second."""
    deadline = time.monotonic() + _REST_SECONDS
    used, since = -1.0, 0.0
    while time.monotonic() < deadline:
        zygotes = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()
        now = sum(cpu_seconds(one) for one in (pid, *map(int, zygotes)))
        if now > used + 0.02 or len(zygotes) < _ZYGOTES:
            used, since = now, time.monotonic()
        elif time.monotonic() - since > _RESTED:
            return
        time.sleep(_PAUSE)
    raise SystemExit("bench: the daemon does not get idle")


def drain(here: Workspace, count: int, model: dict[str, Any], *, varies: str = "seed") -> float:
    """Return the seconds from the enqueue of this many runs to the end of the last, with a running daemon."""
    document = plan(here, count, model, varies=varies)
    start = time.monotonic()
    made = submit.enqueue_sweep(here, document, where="plan", max_runs=count)
    with open_snapshot(here) as journal:
        # One connection, asked rarely: a watcher that opens the journal again and again slows the runs.
        def group_now() -> Group:
            with journal.read() as tx:
                return records.group(tx.row("groups.by_id", group_id=made.group_id))

        def has_ended() -> bool:
            group = group_now()
            return not group.queued + group.running

        until(has_ended, f"{count} runs have ended", seconds=_DRAIN_SECONDS, pause=_PAUSE)
        took = time.monotonic() - start
        group = group_now()
    if group.succeeded != group.total:
        raise SystemExit(f"bench: {group.total - group.succeeded} runs did not succeed")
    return took


def cancel_next(journal: Journal) -> None:
    """Cancel the job that waits first: a change that screens and exports show."""
    with journal.write() as tx:
        job = records.job(tx.rows("jobs.page_in_state", state="queued", after=0, limit=1)[0])
        end(tx, job, Ending(State.CANCELED, Cause.CANCELED, "bench"), clock.now())


def call(folder: Path, *arguments: str) -> float:
    """Return the milliseconds that a command takes as a whole process."""
    return run([*CLI, *arguments], folder)


def run(command: list[str], folder: Path | None = None, env: dict[str, str] | None = None) -> float:
    """Return the milliseconds that a program takes."""
    begin = time.monotonic()
    subprocess.run(
        command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder, env=env
    )
    return (time.monotonic() - begin) * 1000


def median(action: Callable[[], float], rounds: int) -> float:
    """Return the median of several rounds."""
    return statistics.median(action() for _ in range(rounds))


def in_turn(actions: dict[str, Callable[[], float]], rounds: int) -> dict[str, float]:
    """Measure several things in turn, so that changes of the machine affect all; return their medians."""
    found: dict[str, list[float]] = {name: [] for name in actions}
    for _ in range(rounds):
        for name, action in actions.items():
            found[name].append(action())
    return {name: statistics.median(values) for name, values in found.items()}


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def cpu_seconds_of_all(pid: int) -> float:
    """Return the processor time of a process, of all below it, and of those that have ended and were waited for."""
    total = 0
    for one in (pid, *os_process.descendants(pid)):
        with contextlib.suppress(OSError):
            total += sum(map(int, os_process.stat_of(one)[11:15]))
    return total / os.sysconf("SC_CLK_TCK")


def resident_mib(pid: int) -> float:
    """Return the memory of a process in MiB."""
    pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20
