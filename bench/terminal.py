"""The terminal UI: the time to its first paint, from key to paint, and its idle cost.

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

from bench.big import make
from bench.figures import Figure
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


def _settle(screen: Terminal, seconds: float = 3.0) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        screen.read()


def _first_paint(root: Path, rounds: int) -> tuple[float, float]:
    ours, floor = [], []
    for _ in range(rounds):
        screen = open_screens(root)
        ours.append(screen.sees("sweep-"))
        screen.close()
        smallest = Terminal(["--version"], program=["-c", _SMALLEST])
        floor.append(smallest.sees("sweep-"))
        smallest.close()
    return statistics.median(ours), statistics.median(floor)


def _watched(screen: Terminal) -> tuple[float, float]:
    """Return bytes per second and the share of a core while nobody types."""
    process = psutil.Process(screen.process.pid)
    written, used = len(screen.raw), sum(process.cpu_times()[:2])
    start = time.monotonic()
    _settle(screen, _WATCHED_SECONDS)
    took = time.monotonic() - start
    return (len(screen.raw) - written) / took, (sum(process.cpu_times()[:2]) - used) / took


def _key_to_paint(screen: Terminal) -> float:
    times = []
    for _ in range(20):
        screen.raw, start = b"", time.monotonic()
        screen.press("j")
        screen.until(lambda: screen.raw, "a paint")
        times.append(time.monotonic() - start)
        _settle(screen, 0.1)
    return statistics.median(times)


def figures(rounds: int, *, quick: bool) -> Iterator[Figure]:
    """(k) The terminal UI: first paint, key to paint, bytes and processor time, idle and during training."""
    jobs = 1_000 if quick else 100_000
    with tempfile.TemporaryDirectory() as parent:
        here = make(Path(parent) / "ws", jobs, max(1, jobs // 100))
        ours, floor = _first_paint(here.root, rounds)
        smallest = {"the smallest Textual program": floor * 1000}
        yield Figure("k", "first paint", "ms", ours * 1000, smallest, goal="400 ms", jobs=jobs)
        screen = open_screens(here.root)
        screen.sees("sweep-")
        _settle(screen)
        yield Figure("k", "key to paint", "ms", _key_to_paint(screen) * 1000, goal="10 ms", jobs=jobs)
        _settle(screen)
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
        screen.sees("/200")
        _settle(screen)
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
