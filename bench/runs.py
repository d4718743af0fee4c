"""Figures of runs: sweeps, drains, and the time from a command to the run's own code."""

from __future__ import annotations

import contextlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from bench import big, limits, peers, rust_peers, workload
from bench.figures import Figure
from bench.waiting import until
from runforge.attempts.build_spec import Place, Terms, build_spec
from runforge.cli import samples
from runforge.documents.request import parse_request
from runforge.queue import submit
from runforge.views import lists
from runforge.workspace import Workspace

_ONE_RUN = (
    "import os, sys; os.environ.update(OMP_NUM_THREADS='1', OPENBLAS_NUM_THREADS='1')\n"
    "from runforge.attempts import spec\n"
    "from runforge.training import worker\n"
    "read = spec.from_json(sys.stdin.buffer.read()); read.run_dir.mkdir()\n"
    "sys.exit(worker.main(read))\n"
)
#: Prints when its first line runs, to its output or to a file: the same for RunForge, the peers and the
#: limit.
_STAMP = 'if [ "$1" ]; then exec >"$1"; fi; date +%s.%N'
_CODE = ["sh", "-c", _STAMP, "sh"]


def interpreters(here: Workspace, count: int) -> float:
    """Return the seconds for small runs, each with its own interpreter, two at a time: without a zygote."""
    body = {**samples.request(), "model": {"family": "logistic_regression"}}
    request, terms = parse_request(body, where="bench"), Terms(gpus=0, threads=1)
    out = Path(tempfile.mkdtemp(prefix="bench-base-"))

    def one(number: int) -> None:
        folder = out / str(number)
        place = Place(str(number), 1, "bench", here.root, folder, folder)
        spec = build_spec(request, place, terms).to_json()
        command = [sys.executable, "-c", _ONE_RUN]
        subprocess.run(command, input=spec, check=True, stdout=subprocess.DEVNULL)

    start = time.monotonic()
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(one, range(count)))
    return time.monotonic() - start


def sweeps(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(a) Sweeps of small logistic regressions at two slots, compared with one interpreter per run."""
    here = workload.fresh()
    with workload.daemon(here) as pid:
        workload.drain(here, 4, workload.LOGISTIC)
        long = 40 if quick else 200
        for count, varies, goal in (
            (20, "seed", "25 times faster"),
            (long, "seed", "70 times faster"),
            (long, "C", "100 times faster"),
        ):
            # For the long ones, the baseline measures a tenth of the runs: they are independent.
            part = count if count == 20 else count // 10
            cpu: dict[str, list[float]] = {"ours": [], "interpreters": []}

            def ours(count: int = count, varies: str = varies, cpu: dict[str, list[float]] = cpu) -> float:
                before = workload.cpu_seconds_of_all(pid)
                took = workload.drain(here, count, workload.LOGISTIC, varies=varies)
                cpu["ours"].append((workload.cpu_seconds_of_all(pid) - before) / count)
                return took / count

            def new(part: int = part, cpu: dict[str, list[float]] = cpu) -> float:
                before = resource.getrusage(resource.RUSAGE_CHILDREN)
                took = interpreters(here, part)
                after = resource.getrusage(resource.RUSAGE_CHILDREN)
                used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
                cpu["interpreters"].append(used / part)
                return took / part

            found = workload.in_turn({"ours": ours, "interpreters": new}, rounds)
            name = f"sweep of {count} small logistic regressions" + (
                ", the same data" if varies == "C" else ""
            )
            used = {who: statistics.median(times) for who, times in cpu.items()}
            for what, times in (("", found), (": processor time of all processes", used)):
                others = {"new interpreters": times["interpreters"]}
                yield Figure("a", name + what, "s a run", times["ours"], others, goal=goal)


def drains(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(b) Jobs of `true` per second at two slots, beside other queues; then with old jobs in the journal."""
    count = 100 if quick else 1000
    here = workload.fresh()
    with contextlib.ExitStack() as stack:
        stack.enter_context(workload.daemon(here))
        workload.drain(here, 20, workload.TRUE)
        actions: dict[str, Callable[[], float]] = {
            "RunForge": lambda: count / workload.drain(here, count, workload.TRUE)
        }
        told: dict[str, float | str] = {}
        for name, peer, share in (
            ("GNU parallel", peers.parallel, 1.0),
            ("HyperQueue", rust_peers.hyperqueue, 1.0),
            ("task-spooler", peers.tsp, 0.3),
            ("jobd", peers.jobd, 0.03),
        ):
            try:
                ask = stack.enter_context(peer())
            except (peers.Missing, OSError, subprocess.SubprocessError) as reason:
                told[name] = str(reason)
                continue
            some = max(10, round(count * share))
            actions[name] = lambda ask=ask, some=some: some / ask(some)  # type: ignore[misc]
        found = workload.in_turn(actions, rounds)
    ours = found.pop("RunForge")
    yield Figure(
        "b",
        f"{count} runs of `true`",
        "jobs/s",
        ours,
        {**found, **told, **peers.others()},
        limits.spawns_a_second(),
        "posix_spawn",
        "beat GNU parallel, HyperQueue",
        is_higher_better=True,
    )
    for jobs in (1_000,) if quick else (1_000, 10_000, 100_000):
        here = _with_past(jobs)
        with workload.daemon(here):
            workload.drain(here, 20, workload.TRUE)
            rate = workload.median(lambda: 200 / workload.drain(here, 200, workload.TRUE), rounds)
        yield Figure("b", "the same beside ended jobs", "jobs/s", rate, jobs=jobs, is_higher_better=True)


def _with_past(jobs: int) -> Workspace:
    """Return a workspace in which this many jobs have ended, with data for training."""
    here = workload.fresh()
    return big.make(here.root, jobs, max(1, jobs // 100), ended=1.0)


def latencies(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(c) The time from an enqueue to the first line of the run's own code, on an idle queue."""
    count = 10 if quick else 40
    floor = statistics.median(_start_of_code() for _ in range(count))
    for jobs in (0,) if quick else (0, 1_000, 10_000, 100_000):
        here = _with_past(jobs) if jobs else workload.fresh()
        with workload.daemon(here):
            found = [_latency(here, number) for number in range(count + 1)][1:]
        told: dict[str, float | str] = {}
        if jobs == 0:
            told = _latencies_of_peers(count)
        yield Figure(
            "c",
            "enqueue to first line, median",
            "ms",
            statistics.median(found),
            told,
            floor,
            "sh and date",
            "10 ms",
            jobs=jobs,
        )
        if jobs == 0:
            p95 = statistics.quantiles(found, n=20)[-1]
            yield Figure("c", "the same, 95th percentile", "ms", p95, goal="25 ms", jobs=jobs)


def _latencies_of_peers(count: int) -> dict[str, float | str]:
    told: dict[str, float | str] = {}
    try:
        one = peers.tsp_latency(_CODE)
        told["task-spooler with client"] = statistics.median(one() for _ in range(count))
    except peers.Missing as reason:
        told["task-spooler"] = str(reason)
    try:
        with rust_peers.hyperqueue() as ask:
            told["HyperQueue from client call"] = statistics.median(ask(0) * 1000 for _ in range(count))
    except peers.Missing as reason:
        told["HyperQueue"] = str(reason)
    try:
        with rust_peers.gflow() as gflow:
            told["gflow with client"] = statistics.median(gflow.latency() for _ in range(3))
    except peers.Missing as reason:
        told["gflow"] = str(reason)
    return told


def _start_of_code() -> float:
    begin = time.time()
    done = subprocess.run(_CODE, check=True, capture_output=True, text=True)
    return (float(done.stdout) - begin) * 1000


def _latency(here: Workspace, number: int) -> float:
    folder = here.run_dir(f"single-{number}")
    folder.mkdir()
    model = {"family": "command", "command": _CODE}
    (folder / "request.json").write_bytes(samples.encode({**samples.request(), "model": model}))
    begin = time.time()
    submit.enqueue_run(here, folder.name)
    live = {"queued", "running"}
    until(lambda: lists.run(here, folder.name).job.state not in live, f"{folder.name} has ended", pause=0.05)
    line = next(x for x in (folder / "logs.txt").read_text("utf-8").splitlines() if x[:1].isdigit())
    return (float(line) - begin) * 1000
