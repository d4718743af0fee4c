"""Figures of very large queues, which take long to make: measured only with --large."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench import big, processes, workload
from bench.figures import Figure
from bench.processes import INTERPRETER
from bench.waiting import until
from gauntlets.terminal import open_screens
from runforge.cli import samples
from runforge.queue import cancel, submit
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

_SHOWN = {"queue-status": ("queue-status",), "jobs": ("jobs",), "show": ("show", "1"), "groups": ("groups",)}


def slots(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(p) 256 runs at once: started, canceled, and what they cost while they do nothing."""
    del rounds
    count = 8 if quick else 256
    here = workload.fresh()
    for number in range(count):
        folder = here.run_dir(f"idle-{number}")
        folder.mkdir()
        request = {**samples.request(), "model": {"family": "command", "command": ["sleep", "3600"]}}
        (folder / "request.json").write_bytes(samples.encode(request))
    with workload.daemon(here, max_parallel=count) as pid:
        submit.enqueue_run(here, "idle-0")
        _until_running(here, 1)  # the first supervisor is warm
        begin = time.monotonic()
        for number in range(1, count):
            submit.enqueue_run(here, f"idle-{number}")
        _until_running(here, count)
        yield Figure("p", f"{count} runs enqueued and started", "s", time.monotonic() - begin)
        share, memory = _idle(pid, 2.0 if quick else 10.0)
        yield Figure("p", f"{count} idle runs: processor", "% of a core", share, goal="1 %")
        yield Figure("p", f"{count} idle runs: memory of the supervisors' own", "MiB", memory)
        begin = time.monotonic()
        cancel.cancel_all_running(here)
        _until_running(here, 0)
        yield Figure("p", f"{count} runs canceled", "s", time.monotonic() - begin)


def _until_running(here: Workspace, count: int) -> None:
    with open_journal(here) as journal:

        def are() -> bool:
            with journal.read() as tx:
                return len(tx.rows("jobs.running")) == count

        until(are, f"{count} runs are running", pause=0.02)


def _idle(pid: int, seconds: float) -> tuple[float, float]:
    """Return the share of a core that the daemon and all below it use, and the supervisors' own MiB."""
    family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    before = sum(workload.cpu_seconds(each.pid) for each in family)
    time.sleep(seconds)  # the measured time
    used = sum(workload.cpu_seconds(each.pid) for each in family) - before
    own = sum(
        each.memory_full_info().uss
        for each in family
        if "runforge.supervise.zygote" in " ".join(each.cmdline())
    )
    return used / seconds * 100, own / 2**20


def queues(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(q) A million jobs in 10,000 groups: commands, the first text of the screens, `enqueue-run`, doctor."""
    jobs, groups = (2_000, 20) if quick else (1_000_000, 10_000)
    begin = time.monotonic()
    here = big.make(Path(tempfile.mkdtemp(prefix="bench-")) / "ws", jobs, groups)
    yield Figure("q", "making the journal", "s", time.monotonic() - begin, jobs=jobs)
    command = processes.installed()
    calls = {name: [*command, *words] for name, words in _SHOWN.items()}
    costs = processes.in_turn({INTERPRETER: processes.interpreter(), **calls}, here.root, max(3, rounds))
    floor = costs.pop(INTERPRETER)
    for name, cost in costs.items():
        yield Figure("q", name, "ms", cost.wall, {}, floor.wall, INTERPRETER, jobs=jobs)
    yield Figure(
        "q",
        "first text of the screens",
        "ms",
        _first_text(here),
        {},
        floor.wall,
        INTERPRETER,
        "3 times",
        jobs=jobs,
    )
    for number, name in enumerate(("the first enqueue-run without a daemon", "the next enqueue-run")):
        folder = here.run_dir(f"large-{number}")
        folder.mkdir(parents=True)
        (folder / "request.json").write_bytes(
            samples.encode({**samples.request(), "model": {"family": "command", "command": ["true"]}})
        )
        took = processes.once([*command, "enqueue-run", "--run-id", folder.name], here.root).wall
        yield Figure("q", name, "ms", took, goal="100 ms" if number else "", jobs=jobs)
    yield from _doctor(here, command, jobs)


def _first_text(here: Workspace) -> float:
    """Return the milliseconds until a terminal has readable text of the queue."""
    screen = open_screens(here.root)
    took = screen.sees("sweep")
    screen.close()
    return took * 1000


def _doctor(here: Workspace, command: list[str], jobs: int) -> Iterator[Figure]:
    begin = time.monotonic()
    doctor = psutil.Popen(
        [*command, "doctor"], cwd=here.root, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    most = 0
    while doctor.poll() is None:
        try:
            most = max(most, doctor.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.05)  # memory is looked at so often
    doctor.wait()
    yield Figure("q", "doctor", "s", time.monotonic() - begin, goal="20 s", jobs=jobs)
    yield Figure("q", "doctor: memory", "MiB", most / 2**20, goal="200 MiB", jobs=jobs)
