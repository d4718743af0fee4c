"""Figures of very large queues, which take long to make: measured only with --large."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator

import psutil

from bench import big, processes, terminal, workload
from bench.figures import Figure
from bench.processes import INTERPRETER, Cost
from bench.waiting import until
from gauntlets.terminal import open_screens
from runforge.cli import samples
from runforge.queue import cancel, submit
from runforge.store.opening import open_journal
from runforge.workspace import Workspace

_SHOWN = {
    "queue-status": ("queue-status",),
    "jobs": ("jobs",),
    "show": ("show", "1"),
    "groups": ("groups",),
}


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
        if not quick:
            workload.pass_first_looks()
        share, memory = _idle(pid, 2.0 if quick else 30.0)
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
    """(q) A million jobs in 10,000 groups: commands, the screens, `enqueue-run`, doctor."""
    jobs, groups = (2_000, 20) if quick else (1_000_000, 10_000)
    begin = time.monotonic()
    here = big.fresh(jobs, groups)
    yield Figure("q", "making the journal, or copying it", "s", time.monotonic() - begin, jobs=jobs)
    command = processes.installed()
    calls = {name: [*command, *words] for name, words in _SHOWN.items()}
    calls["why, of a run that waits"] = [*command, "why", str(jobs)]
    costs = processes.in_turn({INTERPRETER: processes.interpreter(), **calls}, here.root, max(3, rounds))
    floor = costs.pop(INTERPRETER)
    for name, cost in costs.items():
        yield from _both(name, cost, jobs, floor)
    yield from _screens(here, jobs, floor)
    for number, name in enumerate(("the first enqueue-run without a daemon", "the next enqueue-run")):
        cost = min((_enqueued(here, command, f"{number}-{n}") for n in range(1 + 2 * number)), key=_processor)
        yield from _both(name, cost, jobs, goal="100 ms" if number else "")
    doctor = processes.once([*command, "doctor"], here.root)
    yield from _both("doctor", doctor, jobs, goal="20,000 ms")
    yield Figure("q", "doctor: memory", "MiB", doctor.mib, goal="200 MiB", jobs=jobs)


def _processor(cost: Cost) -> float:
    return cost.cpu


def _both(name: str, cost: Cost, jobs: int, floor: Cost | None = None, goal: str = "") -> Iterator[Figure]:
    """Yield a figure of the wall time, which is what people wait, and one of the processor time."""
    wall, cpu = (None, None) if floor is None else (floor.wall, floor.cpu)
    limit = "" if floor is None else INTERPRETER
    yield Figure("q", name, "ms", cost.wall, {}, wall, limit, goal, jobs=jobs)
    yield Figure("q", f"{name}: processor", "ms", cost.cpu, {}, cpu, limit, jobs=jobs)


def _enqueued(here: Workspace, command: list[str], name: str) -> Cost:
    folder = here.run_dir(f"large-{name}")
    folder.mkdir(parents=True)
    request = {**samples.request(), "model": {"family": "command", "command": ["true"]}}
    (folder / "request.json").write_bytes(samples.encode(request))
    return processes.once([*command, "enqueue-run", "--run-id", folder.name], here.root)


def _screens(here: Workspace, jobs: int, floor: Cost) -> Iterator[Figure]:
    """Yield what the screens take until they show something, until they rest, and after a change."""
    screen = open_screens(here.root)
    pid = screen.process.pid
    text = screen.sees("sweep") * 1000
    yield Figure(
        "q", "first text of the screens", "ms", text, {}, floor.wall, INTERPRETER, "3 times", jobs=jobs
    )
    paint = text + screen.comes_up("sweep") * 1000
    yield Figure("q", "first paint", "ms", paint, jobs=jobs)
    yield Figure("q", "first paint: processor", "ms", terminal.processor_ms(pid), jobs=jobs)
    terminal.settle(screen)
    yield Figure("q", "screens: memory", "MiB", workload.resident_mib(pid), jobs=jobs)
    spent = []
    for _ in range(5):
        before = terminal.processor_ms(pid)
        screen.raw = b""
        with open_journal(here) as journal:
            workload.cancel_next(journal)
        screen.until(lambda: screen.raw, "a paint")
        terminal.settle(screen, 0.5)
        spent.append(terminal.processor_ms(pid) - before)
    screen.close()
    told = "a change on the screens: processor"
    yield Figure("q", told, "ms", statistics.median(spent), goal="100 ms", jobs=jobs)
