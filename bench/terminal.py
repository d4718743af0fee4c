"""`python -m bench.terminal`: the terminal UI's first paint, its key to paint, and what it costs while it idles.

First paint is compared with the smallest Textual program in the same minute: that is its floor.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from bench.big import make
from gauntlets.arena import Arena, arena
from gauntlets.terminal import Terminal, open_screens

_ROUNDS = 5
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


def _first_paint(root: Path) -> tuple[float, float]:
    ours, floor = [], []
    for _ in range(_ROUNDS):
        screen = open_screens(root)
        ours.append(screen.sees("sweep-"))
        screen.close()
        smallest = Terminal(["--version"], program=["-c", _SMALLEST])
        floor.append(smallest.sees("sweep-"))
        smallest.close()
    return statistics.median(ours), statistics.median(floor)


def _watched(screen: Terminal) -> tuple[float, float]:
    """Return bytes a second and the share of a core while nobody types."""
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


def _many() -> None:
    with tempfile.TemporaryDirectory() as parent:
        here = make(Path(parent) / "ws", 100_000, 1_000)
        ours, floor = _first_paint(here.root)
        print(
            f"first paint, 100,000 jobs   {ours * 1000:6.0f} ms; smallest Textual program {floor * 1000:.0f} ms"
        )
        screen = open_screens(here.root)
        screen.sees("sweep-")
        _settle(screen)
        print(f"key to paint, 100,000 jobs  {_key_to_paint(screen) * 1000:6.1f} ms")
        _settle(screen)
        written, share = _watched(screen)
        print(f"idle, 100,000 jobs          {written:6.0f} B/s, {share:.2%} of a core")
        screen.close()


def _training(here: Arena) -> None:
    command = [sys.executable, "-c", _TRAINS]
    here.sweep(4, name="train", family="command", command=command, hyperparameters={"n": 0})
    here.daemon(4)
    for columns, lines in ((80, 24), (200, 50)):
        screen = open_screens(here.root, columns=columns, lines=lines)
        screen.sees("/200")
        _settle(screen)
        written, share = _watched(screen)
        print(f"four runs train, {columns}x{lines}{'':<5} {written:6.0f} B/s, {share:.2%} of a core")
        screen.close()
    subprocess.run(
        [sys.executable, "-m", "runforge", "stop-daemon", "--cancel-running", "-w", str(here.root)],
        check=True,
    )


def main() -> int:
    """Measure and print."""
    _many()
    with arena() as here:
        _training(here)
    return 0


if __name__ == "__main__":
    sys.exit(main())
