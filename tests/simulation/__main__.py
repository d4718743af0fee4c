"""`python -m tests.simulation --seeds 100-119 --steps 100000`: long histories, one process a core."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.simulation.world import Broken, fast_folder, play


def live(steps: int, seed: int) -> tuple[str | None, Counter[str]]:
    """Live through one history; return what broke, and what there was."""
    with TemporaryDirectory(dir=fast_folder()) as folder:
        try:
            world = play(seed, steps, Path(folder))
        except Broken as error:
            return str(error), Counter()
        return None, world.done + world.referee.events


def main() -> int:
    """Print what broke; 0 if nothing did."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", default="1-20", help="first-last")
    parser.add_argument("--steps", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    options = parser.parse_args()
    first, _, last = options.seeds.partition("-")
    seeds = range(int(first), int(last or first) + 1)
    start, total, broken = time.monotonic(), Counter(), 0
    with ProcessPoolExecutor(options.processes) as pool:
        for seed, (failure, seen) in zip(seeds, pool.map(partial(live, options.steps), seeds), strict=True):
            total += seen
            broken += failure is not None
            print(failure or f"seed {seed}: nothing broken", flush=True)
    print(f"{len(seeds)} seeds x {options.steps} steps in {time.monotonic() - start:.0f} s, {broken} broken")
    print(", ".join(f"{name}: {count}" for name, count in total.most_common()))
    return int(broken > 0)


if __name__ == "__main__":
    sys.exit(main())
