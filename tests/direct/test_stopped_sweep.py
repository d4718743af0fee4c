"""Stop rules, and artifacts of the best runs alone, in a foreground `sweep`: as with a daemon."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge.drills.plans import plan, request
from runforge.store import verify
from runforge.workspace import at

pytestmark = pytest.mark.slow

#: Reports its loss, makes an artifact, and those from 6 on would run for ever.
SCRIPT = """
import os, pathlib, sys, time
x = int(sys.argv[1])
for _ in range(3):
    print(f"[RF:METRIC=loss {x}]", flush=True)
folder = pathlib.Path(os.environ["RUNFORGE_RUN_DIR"], "artifacts")
folder.mkdir(exist_ok=True)
folder.joinpath("model").write_text(str(x))
if x >= 6:
    time.sleep(600)
"""


def sweep(here: Arena, values: list[int], parallel: int = 1, **strategy: Any) -> dict[str, list[str]]:
    """Run a sweep to its end; return the runs that the tokens name, by state."""
    at(here.root).prepare()
    command = [sys.executable, "-S", "-c", SCRIPT, "{x}"]
    base = request(family="command", command=command, hyperparameters={})
    axis = {"path": "model.hyperparameters.x", "values": values}
    document = plan(
        here.root, base, {"type": "grid", "parameters": [axis], **strategy}, name="lm", max_parallel=parallel
    )
    document["objective"] = {"metric": "loss", "direction": "minimize"}
    path = here.root.parent / "plan.json"
    path.write_text(json.dumps(document))
    said = here.run("sweep", "--plan", str(path), "--workspace", str(here.root))
    assert verify.check(at(here.root)) == []
    done: dict[str, list[str]] = {}
    for run_id, state in re.findall(r"^\[RF:GROUP=RUN_DONE (\S+) status=(\w+)\]$", said, re.MULTILINE):
        done.setdefault(state, []).append(run_id[-4:].lstrip("0"))
    assert re.search(r"^\[RF:GROUP=COMPLETE \S+ succeeded=\d+ failed=0 canceled=\d+\]$", said, re.MULTILINE)
    return done


def test_median(here: Arena) -> None:
    done = sweep(here, list(range(1, 9)), parallel=2, stop="median")
    assert {state: sorted(runs) for state, runs in done.items()} == {
        "succeeded": ["1", "2", "3", "4", "5"],
        "canceled": ["6", "7", "8"],
    }
    stopped = [job for job in here.jobs() if job["state"] == "canceled"]
    assert {job["cause"] for job in stopped} == {"stopped_early"}
    assert [job["stop_reason"]["value"] for job in stopped] == [6, 7, 8]
    assert here.group(stopped[0]["group_id"])["status"] == "completed"
    here.finish()


def test_a_reached_target_ends_it(here: Arena) -> None:
    done = sweep(here, [9, 1, 8, 7], parallel=2, stop="target:1")
    assert done["succeeded"] == ["2"]
    assert sorted(done["canceled"]) == ["1", "3", "4"]
    here.finish()


def test_the_best_keep_their_artifacts(here: Arena) -> None:
    sweep(here, [5, 1, 4, 2], keep=2)
    left = sorted(int(path.read_text()) for path in here.root.glob(".runforge/runs/*/artifacts/model"))
    assert left == [1, 2]
    here.finish()
