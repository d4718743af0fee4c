"""The terminal UI: the time to its first text and to its first paint, from key to paint, and its idle cost.

The first paint is compared with the smallest Textual program in the same minute: that is its limit.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

from bench import processes
from bench.big import make
from bench.figures import Figure
from bench.processes import Cost
from gauntlets.arena import Arena, arena
from gauntlets.terminal import Terminal, open_screens

_WATCHED_SECONDS = 10.0
_SMALLEST = (
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class Smallest(App):\n    def compose(self):\n        yield Static('sweep-')\nSmallest().run()\n"
)
_TRAINS = (
    "import math, time\n"
    "for step in range(200):\n"
    "    print(f'[RF:EPOCH={step + 1}/200]', flush=True)\n"
    "    print(f'[RF:METRIC=loss {math.exp(-step / 60):.5f} step={step}]', flush=True)\n"
    "    time.sleep(0.5)\n"
)


def settle(screen: Terminal, seconds: float = 3.0) -> None:
    """Show what comes for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        screen.read()


def processor_ms(pid: int) -> float:
    """Return the processor time of a process and all its threads so far, exactly."""
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e6


def _starts(root: Path, rounds: int) -> dict[str, Cost]:
    """Return what it costs until the first text, and the first paint, are on the terminal; and of the smallest program."""
    found: dict[str, list[Cost]] = {"text": [], "paint": [], "smallest": []}
    taking = min(processes.once(processes.interpreter(), root).cpu for _ in range(5))  # gives it its terminal

    def note(name: str, screen: Terminal, seconds: float) -> None:
        found[name].append(Cost(seconds * 1000, processor_ms(screen.process.pid) - taking))

    for _ in range(rounds):
        screen = open_screens(root)
        seconds = screen.sees("sweep-")
        note("text", screen, seconds)
        note("paint", screen, seconds + screen.comes_up("sweep-"))
        screen.close()
        smallest = Terminal(["--version"], program=["-c", _SMALLEST])
        note("smallest", smallest, smallest.sees("sweep-"))
        smallest.close()
    return {
        name: Cost(
            statistics.median(cost.wall for cost in costs), statistics.median(cost.cpu for cost in costs)
        )
        for name, costs in found.items()
    }


def _first_paint(root: Path, jobs: int, rounds: int) -> Iterator[Figure]:
    starts, peer = _starts(root, rounds), "the smallest Textual program"
    text, paint, smallest = (starts[name] for name in ("text", "paint", "smallest"))
    yield Figure("k", "first paint", "ms", paint.wall, {peer: smallest.wall}, goal="400 ms", jobs=jobs)
    name = "first paint, processor"
    yield Figure("k", name, "ms", paint.cpu, {peer: smallest.cpu}, goal="1.5 times as long", jobs=jobs)
    floor = min(processes.once(processes.interpreter(), root).cpu for _ in range(5))
    name = "first text, processor"
    yield Figure("k", name, "ms", text.cpu, {}, floor, processes.INTERPRETER, "3 times", jobs=jobs)


def _watched(screen: Terminal) -> tuple[float, float]:
    """Return bytes per second and the share of a core while nobody types."""
    process = psutil.Process(screen.process.pid)
    written, used = len(screen.raw), sum(process.cpu_times()[:2])
    start = time.monotonic()
    settle(screen, _WATCHED_SECONDS)
    took = time.monotonic() - start
    return (len(screen.raw) - written) / took, (sum(process.cpu_times()[:2]) - used) / took


def _key_to_paint(screen: Terminal) -> float:
    times = []
    for _ in range(20):
        screen.raw, start = b"", time.monotonic()
        screen.press("j")
        screen.until(lambda: screen.raw, "a paint")
        times.append(time.monotonic() - start)
        settle(screen, 0.1)
    return statistics.median(times)


def figures(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(k) The terminal UI: first text and paint, key to paint, bytes and processor time, idle and during training."""
    jobs = 1_000 if quick else 100_000
    with tempfile.TemporaryDirectory() as parent:
        here = make(Path(parent) / "ws", jobs, max(1, jobs // 100))
        yield from _first_paint(here.root, jobs, rounds)
        screen = open_screens(here.root)
        screen.comes_up("sweep-")
        settle(screen)
        yield Figure("k", "key to paint", "ms", _key_to_paint(screen) * 1000, goal="10 ms", jobs=jobs)
        settle(screen)
        written, share = _watched(screen)
        screen.close()
        yield Figure("k", "idle: written to the terminal", "B/s", written, goal="none", jobs=jobs)
        yield Figure("k", "idle: processor", "% of a core", share * 100, goal="1 %", jobs=jobs)
    with arena() as trained:
        yield from _beside_training(trained)


def _beside_training(here: Arena) -> Iterator[Figure]:
    command = [sys.executable, "-c", _TRAINS]
    here.sweep(4, name="train", family="command", command=command, hyperparameters={"n": 0})
    here.daemon(4)
    for columns, lines in ((80, 24), (200, 50)):
        screen = open_screens(here.root, columns=columns, lines=lines)
        screen.comes_up("/200")
        settle(screen)
        written, share = _watched(screen)
        screen.close()
        name = f"four runs train, {columns}x{lines}"
        yield Figure("k", f"{name}: written to the terminal", "B/s", written, goal="2 KB/s")
        yield Figure("k", f"{name}: processor", "% of a core", share * 100)
    subprocess.run(
        [sys.executable, "-m", "runforge", "stop-daemon", "--cancel-running", "-w", str(here.root)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
