"""Figures with a hundred thousand old jobs: an idle daemon, picking, exports and restarts."""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from collections.abc import Iterator

import psutil

from bench import big, limits, workload
from bench.figures import Figure
from bench.waiting import until
from runforge import clock
from runforge.cli import samples
from runforge.daemon import detach, stop
from runforge.daemon.claims import Claims
from runforge.daemon.housekeeping import pause
from runforge.exports.exporter import Exporter
from runforge.machine.gpus import Gpus
from runforge.queue import cancel, submit
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

_TRAINS = (
    "import math, time\n"
    "for step in range(400):\n"
    "    print(f'[RF:EPOCH={step + 1}/400]', flush=True)\n"
    "    print(f'[RF:METRIC=loss {math.exp(-step / 60):.5f} step={step}]', flush=True)\n"
    "    time.sleep(0.25)\n"
)


def idles(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(f) The daemon's processor time and memory: idle, with old jobs, and while four runs train."""
    del rounds
    seconds = 5.0 if quick else 20.0
    for jobs in (0, 1_000) if quick else (0, 1_000, 100_000):
        here = big.fresh(jobs, max(1, jobs // 100), ended=1.0) if jobs else workload.fresh()
        if jobs:
            with open_journal(here) as journal:
                exporter = Exporter(here, journal)
                while exporter.is_behind():
                    exporter.write()  # an artificial journal has no exports yet
        with workload.daemon(here) as pid:
            share = _share(pid, seconds)
            memory = workload.resident_mib(pid)
        yield Figure("f", "idle daemon", "% of a core", share, goal="0.2 %", jobs=jobs)
        yield Figure("f", "idle daemon", "MiB", memory, goal="45 MiB", jobs=jobs)
    here = workload.fresh()
    with workload.daemon(here, max_parallel=4) as pid:
        for number in range(4):
            enqueue(here, f"train-{number}", ["python3", "-c", _TRAINS])
        until_running(here, 4)
        share, beside = _share(pid, seconds), _supervisors(pid)
        cancel.cancel_all_running(here)
    yield Figure("f", "daemon while four runs train", "% of a core", share, goal="0.2 %")
    yield Figure("f", "its zygotes and supervisors beside it", "MiB of their own", beside)


def _share(pid: int, seconds: float) -> float:
    before = workload.cpu_seconds(pid)
    time.sleep(seconds)  # the measured time
    return (workload.cpu_seconds(pid) - before) / seconds * 100


def _supervisors(pid: int) -> float:
    own = 0
    for child in psutil.Process(pid).children(recursive=True):
        if "runforge.supervise.zygote" in " ".join(child.cmdline()):
            own += child.memory_full_info().uss
    return own / 2**20


def enqueue(here: Workspace, run_id: str, command: list[str]) -> None:
    """Enqueue a run of a command."""
    folder = here.run_dir(run_id)
    folder.mkdir(parents=True)
    model = {"family": "command", "command": command}
    (folder / "request.json").write_bytes(samples.encode({**samples.request(), "model": model}))
    submit.enqueue_run(here, run_id)


def picks(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(g) Choosing the next job: 100,000 queued over 1,000 groups, and when all but the last lane are paused."""
    for jobs in (1_000,) if quick else (1_000, 10_000, 100_000):
        here = big.fresh(jobs, max(1, jobs // 100), ended=0.0)
        with open_journal(here) as journal:
            claims = Claims(1, 2, 1, Gpus(), only_lane=None)
            floor = _microseconds(journal.data_version, 2_000)
            with journal.read() as tx:
                usual = statistics.median(
                    _microseconds(lambda: claims.can_start(tx), 2_000) for _ in range(rounds)
                )
            with journal.write() as tx:
                for row in tx.rows("groups.ids")[:-1]:
                    tx.run("groups.set_paused", group_id=row[0], is_paused=1, now=clock.now())
            with journal.read() as tx:
                worst = _microseconds(lambda: claims.can_start(tx), 2_000)
        yield Figure("g", "picking the next job", "us", usual, {}, floor, "one PRAGMA", "20 us", jobs=jobs)
        yield Figure("g", "picking, every other group paused", "us", worst, goal="200 us", jobs=jobs)


def _microseconds(action: object, count: int) -> float:
    start = time.perf_counter()
    for _ in range(count):
        action()  # type: ignore[operator]
    return (time.perf_counter() - start) / count * 1e6


def exports(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(h) Exports after one job has ended, and how old a daemon lets them get."""
    for jobs in (1_000,) if quick else (1_000, 10_000, 100_000):
        here = big.fresh(jobs, max(1, jobs // 100), ended=0.9)
        with open_journal(here) as journal:
            exporter = Exporter(here, journal)
            exporter.write()
            took: list[tuple[float, float]] = []
            for _ in range(max(3, rounds)):
                workload.cancel_next(journal)
                begin, processor = time.monotonic(), time.thread_time()
                exporter.write()
                took.append((time.monotonic() - begin, time.thread_time() - processor))
        size = here.queue_json.stat().st_size
        cost = statistics.median(each for each, _ in took)
        limit = _copy_ms(size)
        yield Figure(
            "h",
            f"export, queue.json of {size / 1e6:.1f} MB",
            "ms",
            cost * 1000,
            {},
            limit,
            "writing as many bytes",
            jobs=jobs,
        )
        yield Figure(
            "h",
            "age of the exports beside a daemon",
            "s",
            cost + statistics.median(pause(*each) for each in took),
            goal="2 s",
            jobs=jobs,
        )


def _copy_ms(size: int) -> float:
    with tempfile.NamedTemporaryFile() as file:
        start = time.monotonic()
        for _ in range(0, size, 1 << 20):
            file.write(bytes(1 << 20))
        file.flush()
        os.fsync(file.fileno())
        return (time.monotonic() - start) * 1000


def restarts(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(i) The time from a daemon's start after a crash, with eight running runs, to the next run's start."""
    for jobs in (1_000,) if quick else (1_000, 10_000, 100_000):
        here = big.make(workload.fresh().root, jobs, max(1, jobs // 100), ended=1.0)
        found = []
        pid = detach.start(here, max_parallel=9)
        for one in range(8):
            enqueue(here, f"long-{one}", ["sleep", "600"])
        for number in range(min(rounds, 3)):
            until_running(here, 8)
            daemon = psutil.Process(pid)
            daemon.kill()
            daemon.wait(10)
            stamp = here.root / f"stamp-{number}"
            enqueue(here, f"next-{number}", ["touch", str(stamp)])
            begin = time.time()
            pid = detach.start(here, max_parallel=9)
            until(stamp.exists, "the next run has started")
            found.append(stamp.stat().st_mtime - begin)
            until_running(here, 8)
        cancel.cancel_all_running(here)
        stop.stop(here)
        yield Figure(
            "i", "restart with 8 running to the next run's code", "s", statistics.median(found), {},
            limits.interpreter_ms() / 1000, "interpreter", "1 s", jobs=jobs,
        )  # fmt: skip


def until_running(here: Workspace, count: int) -> None:
    """Wait until so many runs are going on."""

    def are() -> bool:
        with open_journal(here) as journal, journal.read() as tx:
            return len(tx.rows("jobs.running")) == count

    until(are, f"{count} runs are running", pause=0.02)
