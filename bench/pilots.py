"""`python -m bench.pilots [--runs 1000] [--alone 60]`: short runs through pilots, and as jobs of their own, in one call.

Both go through the same private Slurm cluster on this machine, one after the other: half of those alone, those through
pilots, the other half alone. The clock runs from the daemon's start until the last run has ended.
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from gauntlets import slurm_chaos, slurm_cluster
from gauntlets.slurm_cluster import Cluster
from runforge import workspace as workspaces
from runforge.drills.arena import Arena, arena
from runforge.drills.plans import plan, request
from runforge.views import glance

SKIPPED = 77
_PILOTS = '{ count = 3, slots = 4, time = "1:00:00", idle = 30 }'
_SLOTS = 48
_LONGEST_SECONDS = 900.0


def seconds(cluster: Cluster, runs: int, pilots: str | None) -> float:
    """Return how long a new daemon takes for so many runs of `true`."""
    with arena(Arena, prefix="pilots-") as here:
        here.environment.update(cluster.environment)
        slurm_chaos.settings(here, **({"pilots": pilots} if pilots else {}))
        base = request(family="command", command=["true", "{n}"], hyperparameters={"n": 0})
        values = [{"model.hyperparameters.n": number} for number in range(runs)]
        document = plan(here.root, base, {"type": "list", "runs": values}, name="short", max_parallel=_SLOTS)
        here.enqueue(document, runs)
        here.spawn_daemon(_SLOTS, 0)
        begin = time.monotonic()
        workspace = workspaces.at(here.root)
        while (counts := glance.queue_summary(workspace).counts)["queued"] or counts["running"]:
            if time.monotonic() - begin > _LONGEST_SECONDS:
                raise SystemExit(f"not all have ended after {_LONGEST_SECONDS:.0f} s: {counts}")
            time.sleep(0.1)
        took = time.monotonic() - begin
        if counts["succeeded"] != runs:
            raise SystemExit(f"not all have succeeded: {counts}")
        cluster.client("scancel", f"--user={os.getuid()}")
        return took


def main() -> int:
    """Measure, and print both rates and their ratio."""
    parser = argparse.ArgumentParser(prog="python -m bench.pilots", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000, help="how many go through pilots")
    parser.add_argument("--alone", type=int, default=60, help="how many are jobs of their own")
    given = parser.parse_args()
    why = slurm_cluster.lacking()
    if why is not None:
        print(f"skip: {why}")
        return SKIPPED
    with slurm_cluster.running() as cluster:
        half = max(1, given.alone // 2)
        before = seconds(cluster, half, None)
        through = seconds(cluster, given.runs, _PILOTS)
        after = seconds(cluster, half, None)
    alone = 2 * half / (before + after)
    piloted = given.runs / through
    print(f"jobs of their own   {2 * half:5d} runs  {before + after:6.1f} s  {alone:6.1f} a second")
    print(f"through pilots      {given.runs:5d} runs  {through:6.1f} s  {piloted:6.1f} a second")
    print(f"ratio               {piloted / alone:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
