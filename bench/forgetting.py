"""Figures of a very large queue that grows old: how old its exports get, and what it takes to forget it."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

from bench import big, workload
from bench.figures import Figure
from runforge.daemon.housekeeping import pause
from runforge.exports.exporter import Exporter
from runforge.queue import prune
from runforge.store.opening import open_journal
from runforge.workspace import Workspace


def figures(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(r) A million jobs in 10,000 groups: exports, and forgetting them all while others write."""
    jobs, groups = (2_000, 20) if quick else (1_000_000, 10_000)
    yield from _exports(big.fresh(jobs, groups), jobs, max(3, rounds))
    yield from _prune(big.fresh(jobs, groups, ended=1.0), jobs)


def _exports(here: Workspace, jobs: int, rounds: int) -> Iterator[Figure]:
    with open_journal(here) as journal:
        exporter = Exporter(here, journal)
        begin = time.monotonic()
        exporter.write()
        yield Figure("r", "first export", "s", time.monotonic() - begin, jobs=jobs)
        took: list[tuple[float, float]] = []
        for _ in range(rounds):
            workload.cancel_next(journal)
            begin, processor = time.monotonic(), time.thread_time()
            exporter.write()
            took.append((time.monotonic() - begin, time.thread_time() - processor))
    cost, size = statistics.median(each for each, _ in took), here.queue_json.stat().st_size
    yield Figure(
        "r", f"export after one end, queue.json of {size / 1e6:.1f} MB", "ms", cost * 1000, jobs=jobs
    )
    age = cost + statistics.median(pause(*each) for each in took)
    yield Figure("r", "age of the exports beside a daemon", "s", age, goal="2 s", jobs=jobs)


def _prune(here: Workspace, jobs: int) -> Iterator[Figure]:
    before = here.journal.stat().st_size
    waits: list[float] = []

    def meanwhile(_: object) -> None:
        begin = time.monotonic()
        with open_journal(here) as other, other.write() as tx:
            tx.row("journal.reserve_numbers", jobs=1, runs=1)
        waits.append(time.monotonic() - begin)

    begin, last, longest = time.monotonic(), time.monotonic(), 0.0

    def step(_done: int, _total: int) -> None:
        nonlocal last, longest
        now = time.monotonic()
        longest, last = max(longest, now - last), now

    processor = time.process_time()
    prune.prune(here, -60.0, told=meanwhile, progress=step)
    processor = time.process_time() - processor
    yield Figure("r", "prune of all", "s", time.monotonic() - begin, jobs=jobs)
    yield Figure("r", "prune of all: processor", "s", processor, jobs=jobs)
    yield Figure("r", "prune: longest time that it holds others up", "s", longest, jobs=jobs)
    yield Figure(
        "r",
        "prune: another writer's transaction between two slices",
        "ms",
        statistics.median(waits) * 1000,
        jobs=jobs,
    )
    kept = here.journal.stat().st_size / before * 100
    yield Figure("r", "prune: what the journal's file keeps of its size", "%", kept, jobs=jobs)
