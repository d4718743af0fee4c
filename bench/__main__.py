"""`python -m bench [--quick] [--json FILE]`: the figures that the README quotes, beside a baseline.

The baseline is one interpreter a run with scikit-learn imported in each, two at a time: what a shell loop
or a queue without a zygote does. Both are measured in turn in the same call, so the ratio holds when
the machine's speed drifts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from runforge import clock, control, views
from runforge.cli import samples
from runforge.cli.setup import make_workspace
from runforge.daemon import detach, stop
from runforge.permissions import become_private
from runforge.store import records
from runforge.store.connection import open_snapshot
from runforge.workspace import Workspace

CLI = [sys.executable, "-m", "runforge"]
_PAUSE = 0.01
_ONE_RUN = (
    "import os, sys, json, pathlib; os.environ.update(OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1')\n"
    "from runforge.training import worker\n"
    "spec = json.loads(sys.stdin.read()); pathlib.Path(spec['run_dir']).mkdir()\n"
    "sys.exit(worker.main(spec))\n"
)


def small_plan(here: Workspace, count: int, model: dict[str, Any]) -> bytes:
    """Return a sweep of `count` small runs."""
    document = samples.plan(str(here.root))
    document["base_request"]["model"] = model
    document["strategy"] = {
        "type": "grid",
        "parameters": [{"path": "model.hyperparameters.seed", "values": list(range(count))}],
    }
    return samples.encode(document)


def fresh() -> Workspace:
    """Return a new workspace with 150 rows of data."""
    here = make_workspace(Path(tempfile.mkdtemp(prefix="bench-")))
    path = here.root / "data/train.csv"
    path.write_bytes(b"\n".join(path.read_bytes().splitlines()[:151]) + b"\n")
    return here


def drain(here: Workspace, plan: bytes) -> float:
    """Return the seconds from enqueueing a plan to the end of its last run, the daemon being up."""
    start = time.monotonic()
    made = control.enqueue_sweep(here, plan, where="plan")
    with open_snapshot(here) as journal:
        # One connection, asked rarely: a watcher that opens the journal all the time slows the runs.
        while True:
            with journal.read() as tx:
                group = records.group(tx.row("groups.by_id", group_id=made.group_id))
            if not group.queued + group.running:
                break
            time.sleep(_PAUSE)
    took = time.monotonic() - start
    if group.succeeded != group.total:
        raise SystemExit(f"bench: {group.total - group.succeeded} runs did not succeed")
    return took


def interpreters(here: Workspace, count: int) -> float:
    """Return the seconds for the same runs with an interpreter each, two at a time."""
    request = {**samples.request(), "model": {"family": "logistic_regression"}}
    grant = {"gpus": 0, "gpu": None, "reason": None}
    payload = {
        "request": request,
        "grant": grant,
        "dry_run_seconds": None,
        "max_rows": None,
        "objective": None,
    }
    out = Path(tempfile.mkdtemp(prefix="bench-base-"))

    def one(number: int) -> None:
        spec = {"workspace": str(here.root), "run_dir": str(out / str(number)), "payload": payload}
        command = [sys.executable, "-c", _ONE_RUN]
        subprocess.run(command, input=json.dumps(spec), text=True, check=True, stdout=subprocess.DEVNULL)

    start = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(count)))
    return time.monotonic() - start


def measured(action: Callable[[], float], rounds: int) -> list[float]:
    """Return the figures of several rounds."""
    return [action() for _ in range(rounds)]


def sweep_figures(rounds: int) -> dict[str, Any]:
    """A sweep of 20 small logistic regressions at two slots, against an interpreter a run."""
    here = fresh()
    plan = small_plan(here, 20, {"family": "logistic_regression", "hyperparameters": {}})
    detach.start(here, max_parallel=2)
    try:
        drain(here, plan)
        pairs = [(drain(here, plan), interpreters(here, 20)) for _ in range(rounds)]
    finally:
        stop.stop(here)
    return {
        "runforge_s": statistics.median(a for a, _ in pairs),
        "interpreter_a_run_s": statistics.median(b for _, b in pairs),
        "times_faster": statistics.median(b / a for a, b in pairs),
    }


def dispatch_figures(count: int) -> dict[str, Any]:
    """Draining runs of `true` at two slots, journaled, with log, exit record and result."""
    here = fresh()
    model = {"family": "command", "command": ["true"], "hyperparameters": {}}
    detach.start(here, max_parallel=2)
    try:
        took = drain(here, small_plan(here, count, model))
    finally:
        stop.stop(here)
    return {"jobs": count, "jobs_a_second": count / took}


def latency_figures(rounds: int) -> dict[str, Any]:
    """From the call of enqueue_run to the run's own first line, and to the claim, with an idle daemon."""
    here = fresh()
    code = "import time,sys; sys.stdout.write(repr(time.time()))"
    model = {"family": "command", "command": [sys.executable, "-I", "-S", "-c", code]}
    detach.start(here)
    own, claimed = [], []
    try:
        for number in range(rounds):
            folder = here.run_dir(f"single-{number}")
            folder.mkdir()
            request = {**samples.request(), "model": model}
            (folder / "request.json").write_bytes(samples.encode(request))
            begin = time.time()
            control.enqueue_run(here, folder.name)
            while views.run(here, folder.name).job.state in {"queued", "running"}:
                time.sleep(0.05)
            started = views.run(here, folder.name).job.started_at or ""
            claimed.append((clock.to_datetime(started).timestamp() - begin) * 1000)
            line = next(x for x in (folder / "logs.txt").read_text().splitlines() if x[:1].isdigit())
            own.append((float(line.split("[")[0]) - begin) * 1000)
    finally:
        stop.stop(here)
    return {
        "to_running_p50_ms": statistics.median(claimed),
        "to_own_code_p50_ms": statistics.median(own),
        "to_own_code_p95_ms": statistics.quantiles(own, n=20)[-1],
    }


def status_figures(jobs: int, rounds: int) -> dict[str, Any]:
    """`queue-status`, `jobs --limit` and `--version` as whole processes, with many jobs queued."""
    here = fresh()
    model = {"family": "command", "command": ["true"], "hyperparameters": {}}
    start = time.monotonic()
    control.enqueue_sweep(here, small_plan(here, jobs, model), where="plan", max_runs=jobs)
    figures = {"jobs": jobs, "enqueue_s": time.monotonic() - start}

    def call(*arguments: str) -> float:
        begin = time.monotonic()
        subprocess.run([*CLI, *arguments], check=True, stdout=subprocess.DEVNULL, cwd=here.root)
        return (time.monotonic() - begin) * 1000

    for name, arguments in {
        "queue_status_ms": ("queue-status",),
        "jobs_20_ms": ("jobs", "--limit", "20"),
        "version_ms": ("--version",),
    }.items():
        figures[name] = statistics.median(measured(lambda a=arguments: call(*a), rounds))  # type: ignore[misc]
    return figures


def idle_figures(seconds: float) -> dict[str, Any]:
    """CPU and memory of an idle daemon (its zygotes apart)."""
    here = fresh()
    pid = detach.start(here)
    try:
        time.sleep(3.0)  # the zygotes warm up
        before = _cpu_seconds(pid)
        time.sleep(seconds)
        share = (_cpu_seconds(pid) - before) / seconds * 100
        memory = int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    finally:
        stop.stop(here)
    return {"percent_of_a_core": share, "resident_mib": memory}


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> int:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(prog="python -m bench")
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller numbers")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    become_private()
    quick = arguments.quick
    report: dict[str, dict[str, Any]] = {}
    parts: dict[str, Callable[[], dict[str, Any]]] = {
        "sweep of 20 logistic_regression": lambda: sweep_figures(1 if quick else 5),
        "drain of `true`": lambda: dispatch_figures(200 if quick else 1000),
        "enqueue to start": lambda: latency_figures(10 if quick else 40),
        "status": lambda: status_figures(1000 if quick else 10_000, 5),
        "idle daemon": lambda: idle_figures(10 if quick else 30),
    }
    for name, part in parts.items():
        report[name] = part()
        shown = ", ".join(f"{k} {v:.4g}" for k, v in report[name].items())
        print(f"{name:34}{shown}", flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
