"""Many at once: enqueueing processes lose nothing, and no group keeps another waiting."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter

import pytest

from gauntlets.arena import Arena
from gauntlets.plans import grid, plan, request
from gauntlets.watching import longest_wait

pytestmark = pytest.mark.slow

PROCESSES, RUNS = 8, 25


def test_eight_processes_enqueue_at_once_under_a_live_daemon(here: Arena) -> None:
    here.daemon(2)
    base = request(family="command", command=["true"])
    commands = []
    for number in range(PROCESSES):
        # The same name and, mostly, the same second: the ids must differ all the same.
        path = here.root / f"plan-{number}.json"
        document = plan(here.root, base, grid(RUNS, "model.hyperparameters.n"), name="same name")
        path.write_text(json.dumps(document))
        commands.append([sys.executable, "-m", "runforge_cli", "enqueue-sweep", "--plan", str(path)])
    started = [subprocess.Popen(c, stdout=subprocess.PIPE, text=True) for c in commands]
    said = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0] * PROCESSES
    groups = [line.split()[1] for text in said for line in text.splitlines() if line.startswith("[RF:")]
    assert len(set(groups)) == PROCESSES
    here.until(lambda: here.in_state("succeeded") == PROCESSES * RUNS, "every run has succeeded", 120)
    jobs = here.jobs()
    assert len({job["job_id"] for job in jobs}) == PROCESSES * RUNS
    assert len({job["run_id"] for job in jobs}) == PROCESSES * RUNS
    assert Counter(job["group_id"] for job in jobs) == dict.fromkeys(groups, RUNS)
    assert Counter(here.started()) == dict.fromkeys((job["run_id"] for job in jobs), 1)
    here.finish()


@pytest.mark.parametrize(("groups", "runs"), [(3, 8), (10, 4)])
def test_no_group_waits_for_more_than_one_start_of_each_other(here: Arena, groups: int, runs: int) -> None:
    base = request(family="command", command=["true"])
    for number in range(groups):
        # The first is three times as big: it must not get more than its turn.
        count = runs * 3 if number == 0 else runs
        document = plan(here.root, base, grid(count, "model.hyperparameters.n"), name=f"fair{number}")
        here.enqueue(document, count)
    lane_of = {job["run_id"]: job["group_id"] for job in here.jobs()}
    here.daemon(2)
    here.until(lambda: here.in_state("succeeded") == len(lane_of), "every run has succeeded")
    order = here.started()
    assert sorted(order) == sorted(lane_of)
    assert longest_wait(order, lane_of) == 1
    here.finish()


def test_a_higher_priority_starts_first_and_only_within_its_group(here: Arena) -> None:
    first = here.sweep(3, name="first", family="command", command=["true"])
    second = here.sweep(3, name="second", family="command", command=["true"])
    run_ids = {group: [job["run_id"] for job in here.jobs(group)] for group in (first, second)}
    for run_id, priority in ((run_ids[first][2], "5"), (run_ids[second][1], "9")):
        here.run("set-priority", run_id, priority, "--workspace", str(here.root))
    here.daemon(1)
    here.until(lambda: here.in_state("succeeded") == 6, "every run has succeeded")
    a, b = run_ids[first], run_ids[second]
    assert here.started() == [a[2], b[1], a[0], b[0], a[1], b[2]]
    here.finish()
