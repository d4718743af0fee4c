"""Figures of commands as whole processes: how long a user waits at the prompt."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from bench import big, limits, peers, rust_peers, workload
from bench.figures import Figure
from runforge.cli import samples
from runforge.queue import submit
from runforge.store import records
from runforge.store.opening import open_snapshot

_READS = {"queue-status": ("queue-status",), "jobs": ("jobs",), "show": ("show", "@last")}
_COMMANDS = (
    "--version",
    "queue-status",
    "jobs",
    "groups",
    "show",
    "logs",
    "enqueue-run",
    "enqueue-sweep",
    "tui",
)


def enqueues(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(d) enqueue-sweep as a command, by the number of runs."""
    goals = {100: "0.3 s", 1_000: "1.2 s", 10_000: "10 s"}
    for count, goal in goals.items():
        if quick and count > 1_000:
            return
        here = workload.fresh()
        path = here.root / "plan.json"
        path.write_bytes(workload.plan(here, count, workload.TRUE))
        words = ("enqueue-sweep", "--plan", str(path), "--max-runs", str(count))
        took = workload.median(
            lambda: workload.call(here.root, *words) / 1000, 1 if count > 1_000 else rounds
        )
        yield Figure(
            "d",
            f"enqueue-sweep of {count:,} runs",
            "s",
            took,
            limit=count / limits.folders_a_second(),
            limit_name="folder and file per run",
            goal=goal,
            jobs=count,
        )


def reads(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(e) queue-status, jobs and show, by the number of jobs."""
    for jobs in (1_000,) if quick else (1_000, 10_000, 100_000):
        here = big.fresh(jobs, max(1, jobs // 100))
        actions: dict[str, Callable[[], float]] = {
            name: lambda words=words: workload.call(here.root, *words)  # type: ignore[misc]
            for name, words in _READS.items()
        }
        told: dict[str, float | str] = {}
        try:
            if jobs == 1_000:
                actions["task-spooler's list"] = peers.tsp_status(jobs)
        except peers.Missing as reason:
            told["task-spooler"] = str(reason)
        with contextlib.ExitStack() as stack:
            if jobs == 1_000:
                try:
                    actions["gflow's list, of no job"] = stack.enter_context(rust_peers.gflow()).listed
                except peers.Missing as reason:
                    told["gflow"] = str(reason)
            found = workload.in_turn(actions, max(5, rounds))
        floor = limits.interpreter_ms()
        for name in _READS:
            beside = {k: v for k, v in found.items() if k not in _READS} if name == "jobs" else {}
            yield Figure(
                "e",
                f"{name}",
                "ms",
                found[name],
                {**beside, **told},
                floor,
                "interpreter",
                "1.3 times",
                jobs=jobs,
            )


def crowd(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(j) 32 processes that each enqueue 50 runs: errors and the longest wait."""
    del rounds
    writers, each = (8, 5) if quick else (32, 50)
    here = workload.fresh()
    for number in range(writers * each):
        folder = here.run_dir(f"crowd-{number}")
        folder.mkdir()
        request = {**samples.request(), "model": {"family": "command", "command": ["true"]}}
        (folder / "request.json").write_bytes(samples.encode(request))
    code = (
        "import sys, time\nfrom pathlib import Path\nfrom runforge import workspace\nfrom runforge.queue import submit\n"
        "here = workspace.at(Path(sys.argv[1]))\nworst = 0.0\n"
        "for n in range(int(sys.argv[2]), int(sys.argv[3])):\n"
        "    t = time.monotonic()\n    submit.enqueue_run(here, f'crowd-{n}')\n"
        "    worst = max(worst, time.monotonic() - t)\nprint(worst)\n"
    )
    submit.enqueue_run(here, "crowd-0")
    start = time.monotonic()
    worst: list[float] = []

    def one(number: int) -> None:
        first = number * each + (number == 0)
        words = [sys.executable, "-c", code, str(here.root), str(first), str((number + 1) * each)]
        worst.append(float(subprocess.run(words, check=True, capture_output=True, text=True).stdout))

    with workload.daemon(here, max_parallel=1):
        threads = [threading.Thread(target=one, args=(number,)) for number in range(writers)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    took = time.monotonic() - start
    with open_snapshot(here) as journal, journal.read() as tx:
        jobs = [records.job(row) for row in tx.rows("jobs.all")]
    if len(jobs) != writers * each:
        raise SystemExit(f"bench: {writers * each - len(jobs)} enqueues were lost")
    name = f"{writers} processes x {each} enqueues beside a live daemon"
    limit = limits.commit_ms() / 1000
    yield Figure(
        "j", f"{name}: longest wait", "s", max(worst), limit=limit, limit_name="one commit", goal="2 s"
    )
    yield Figure(
        "j", f"{name}: rate", "enqueues/s", len(jobs) / took, limit=1 / limit, limit_name="commits a second",
        is_higher_better=True,
    )  # fmt: skip


def imports(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(l) The start time of each command: its help, without the work."""
    floor = limits.interpreter_ms()
    goals = dict.fromkeys(_COMMANDS, "1.2 times")
    for name in _COMMANDS[:3] if quick else _COMMANDS:
        words = (name,) if name.startswith("-") else (name, "--help")
        folder = tempfile.mkdtemp(prefix="bench-")
        took = workload.median(lambda: workload.call(Path(folder), *words), max(3, rounds))
        yield Figure(
            "l", f"start of {' '.join(words)}", "ms", took, limit=floor, limit_name="interpreter",
            goal=goals.get(name, ""),
        )  # fmt: skip
