"""Figures of what people type, as whole processes beside bare interpreters: the ratios count, not the milliseconds."""

from __future__ import annotations

import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench import big, processes, workload
from bench.figures import Figure
from bench.processes import INTERPRETER, Cost
from bench.waiting import until
from runforge.cli import samples
from runforge.views import lists
from runforge.workspace import Workspace

#: What is measured -> its words, and how many times the interpreter's start it may take.
COMMANDS = {
    "--version": (("--version",), 1.2),
    "--help": (("--help",), 1.2),
    "jobs --help": (("jobs", "--help"), 1.2),
    "submit --help": (("submit", "--help"), 1.2),
    "completing a command": ((), 1.2),
    "completing an id": ((), 1.2),
    "queue-status": (("queue-status",), 1.3),
    "jobs": (("jobs",), 1.3),
    "groups": (("groups",), 1.3),
    "logs": (("logs", "@last"), 1.3),
    "show": (("show", "@last"), 1.3),
    "why": (("why", "1"), 1.3),
}
_COMPLETIONS = {
    name: {"_RUNFORGE_COMPLETE": "complete_bash", "COMP_WORDS": f"runforge {words}", "COMP_CWORD": place}
    for name, words, place in (
        ("completing a command", "queue-s", "1"),
        ("completing an id", "show 2", "2"),
    )
}
_STAMP = "date +%s.%N"


def calls(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(n) Commands beside 10,000 jobs: processor time as a multiple of the interpreter's start."""
    here = a_queue(1_000 if quick else 10_000)
    words = {name: [*processes.installed(), *given] for name, (given, _) in COMMANDS.items()}
    costs = processes.in_turn(
        {INTERPRETER: processes.interpreter(), **words},
        here.root,
        max(3, rounds) if quick else max(20, rounds),
        _COMPLETIONS,
    )
    floor = costs[INTERPRETER]
    for name, (_, most) in COMMANDS.items():
        cost = costs[name]
        yield Figure("n", f"{name}: processor", "ms", cost.cpu, {}, floor.cpu, INTERPRETER, f"{most} times")
        yield Figure("n", f"{name}: wall", "ms", cost.wall, {}, floor.wall, INTERPRETER, f"{most} times")


def a_queue(jobs: int) -> Workspace:
    """Return a workspace with ended and waiting jobs, the newest of which has a log and a request."""
    here = big.make(Path(tempfile.mkdtemp(prefix="bench-")) / "ws", jobs, max(1, jobs // 100))
    fill(here.root / lists.jobs(here, state="queued")[-1].run_dir)
    return here


def fill(folder: Path) -> None:
    """Make the folder of a run as if it had been executed."""
    folder.mkdir(parents=True)
    (folder / "logs.txt").write_text("a line\n" * 20, "utf-8")
    (folder / "request.json").write_bytes(samples.encode(samples.request()))


def first_lines(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(o) `submit` and `enqueue-run` from the shell to the run's own first line, beside a live daemon."""
    here = workload.fresh()
    count = max(3, rounds) if quick else max(20, rounds)
    repository = _repository(here.root / "repository")
    found: dict[str, list[Cost]] = {}
    with workload.daemon(here):
        for number in range(count + 1):
            turn = {
                "submit": _submitted(here, here.root, number),
                "submit in a git repository": _submitted(here, repository, number),
                "enqueue-run": _enqueued(here, number),
                INTERPRETER: processes.once(processes.interpreter(), here.root),
            }
            for name, cost in turn.items():
                found.setdefault(name, []).extend([cost] if number else [])  # in the first one all is cold
    walls = {name: statistics.median(cost.wall for cost in costs) for name, costs in found.items()}
    cpus = {name: min(cost.cpu for cost in costs) for name, costs in found.items()}
    floor, least = walls.pop(INTERPRETER), cpus.pop(INTERPRETER)
    for name, wall in walls.items():
        told = f"{name} from the shell to the first line"
        yield Figure("o", told, "ms", wall, {}, floor, INTERPRETER, "2 times, and 5 ms")
        yield Figure("o", f"{name}: processor of the command", "ms", cpus[name], {}, least, INTERPRETER)


def _repository(root: Path) -> Path:
    """Make a repository with a hundred files in one commit."""
    root.mkdir()
    for number in range(100):
        (root / f"part_{number}.py").write_text(f"number = {number}\n", "utf-8")
    identity = ("-c", "user.name=bench", "-c", "user.email=bench@localhost")
    for words in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "all"]):
        subprocess.run(["git", "-C", str(root), *words], check=True)
    return root


def _submitted(here: Workspace, folder: Path, number: int) -> Cost:
    stamp = here.root / f"{folder.name}-{number}"
    words = [
        "submit",
        "-w",
        str(here.root),
        "--",
        "sh",
        "-c",
        f"{_STAMP} >{stamp}.part; mv {stamp}.part {stamp}",
    ]
    return _until_stamped(folder, words, stamp)


def _enqueued(here: Workspace, number: int) -> Cost:
    folder = here.run_dir(f"shell-{number}")
    folder.mkdir()
    stamp = folder / "stamp"
    command = ["sh", "-c", f"{_STAMP} >{stamp}.part; mv {stamp}.part {stamp}"]
    request = {**samples.request(), "model": {"family": "command", "command": command}}
    (folder / "request.json").write_bytes(samples.encode(request))
    return _until_stamped(here.root, ["enqueue-run", "--run-id", folder.name], stamp)


def _until_stamped(folder: Path, words: list[str], stamp: Path) -> Cost:
    """Return the time from the shell to what the run has written first, and the processor's of the whole command."""
    begin = time.time()
    whole = processes.once([*processes.installed(), *words], folder)
    until(stamp.exists, f"{stamp} is written")
    return Cost((float(stamp.read_text("ascii")) - begin) * 1000, whole.cpu)
