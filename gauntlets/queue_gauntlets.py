"""G1 to G6: the queue, pause, cancel, crash recovery, fairness, disk drift."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

from gauntlets.arena import Arena, require
from gauntlets.plans import grid, plan, request
from gauntlets.watching import Watcher, most_at_once, read_lines, states

_NOTE_AND_SLEEP = (
    "import os,sys,time\n"
    "with open(sys.argv[1], 'a') as f: f.write(os.environ['RUNFORGE_RUN_ID'] + '\\n')\n"
    "time.sleep(float(sys.argv[2]))\n"
)


def g1(arena: Arena) -> dict[str, Any]:
    """At most `max_parallel` run at once; each run leaves a log and a result."""
    arena.daemon(2)
    with Watcher(arena) as watcher:
        trained = arena.sweep(4, name="g1", family="logistic_regression", hyperparameters={})
        slow = arena.sweep(6, name="g1slow")
        for group in (trained, slow):
            arena.until_ended(group, "completed")
    jobs = arena.jobs()
    require(watcher.most_running <= 2, f"{watcher.most_running} ran at once")
    require(watcher.torn == 0, f"{watcher.torn} readings of queue.json were torn")
    require(most_at_once(jobs) == 2, f"{most_at_once(jobs)} ran at once, by their timestamps")
    for job in jobs:
        folder = arena.root / ".runforge/runs" / job["run_id"]
        require((folder / "logs.txt").is_file(), f"{job['run_id']} has no log")
        require(arena.result(job["run_id"])["status"] == "succeeded", f"{job['run_id']} did not succeed")
    return {**watcher.evidence(), "start_order": arena.started(), "states": states(jobs)}


def g2(arena: Arena) -> dict[str, Any]:
    """While a group is paused none of its runs starts; after a resume they do."""
    arena.daemon(2)
    group = arena.sweep(8, name="g2")
    # In a cluster a short run may be seen to begin and to end at once.
    arena.until(lambda: any(job["started_at"] for job in arena.jobs(group)), "a run has begun")
    said = arena.group_command("pause-group", group)
    require(f"[RF:GROUP=PAUSED {group}]" in said.splitlines(), "no PAUSED token")
    before = arena.started()
    arena.until(lambda: arena.group(group)["paused"], "group.json says paused")
    arena.until(lambda: not arena.in_state("running", group), "the running ones have finished")
    # Another group proves that the daemon works meanwhile, and gives it time for a mistake.
    other = arena.sweep(3, name="g2other")
    arena.until_ended(other, "completed")
    paused = arena.jobs(group)
    started = [j["run_id"] for j in paused if j["started_at"]]
    # What a cluster had not begun when the group was paused is taken back.
    require(set(started) <= set(before), "something started while the group was paused")
    queued = arena.in_state("queued", group)
    require(queued == 8 - len(started), f"{queued} are queued, {len(started)} had started")
    require(arena.group(group)["status"] == "running", "a paused group is no longer running")
    said = arena.group_command("resume-group", group)
    require(f"[RF:GROUP=RESUMED {group}]" in said.splitlines(), "no RESUMED token")
    arena.until_ended(group, "completed")
    return {
        "started_before_pause": before,
        "states_while_paused": states(paused),
        "start_order": arena.started(),
        "states": states(arena.jobs()),
    }


def g3(arena: Arena) -> dict[str, Any]:
    """A canceled group ends as canceled, with nothing left running."""
    arena.daemon(2)
    group = arena.sweep(6, name="g3", seconds=60)
    arena.until(lambda: arena.in_state("running", group) == 2, "two are running")
    said = arena.group_command("cancel-group", group)
    require(said.startswith("Canceled 6 runs"), f"it said {said!r}")
    arena.until_ended(group, "canceled")
    arena.until(lambda: arena.in_state("canceled", group) == 6, "every job is canceled")
    document = arena.group(group)
    require(document["execution"]["cancelled"] is True, "group.json does not say cancelled")
    require(document["summary"]["canceled"] == 6, f"group.json counts {document['summary']}")
    started = [j["run_id"] for j in arena.jobs(group) if j["started_at"]]
    for run_id in started:
        require(arena.result(run_id)["status"] == "cancelled", f"{run_id}'s result is not cancelled")
    return {"running_when_canceled": started, "states": states(arena.jobs(group))}


def g4(arena: Arena) -> dict[str, Any]:
    """Kill -9 of the daemon harms no run; after kill -9 of the runs too, they are queued again."""
    witness = arena.root.parent / "witness.txt"
    group = _noted_sweep(arena, "g4", witness, seconds=0.6, count=6)
    arena.daemon(2)
    arena.until(lambda: len(read_lines(witness)) == 2, "two have started")
    arena.kill_daemon()
    stale = arena.daemon_json()
    require(stale["pid"] == arena.killed[0], f"daemon.json names pid {stale['pid']}")
    arena.daemon(2)
    arena.until_ended(group, "completed")
    runs = sorted(job["run_id"] for job in arena.jobs(group))
    require(sorted(read_lines(witness)) == runs, "not every run has run once")
    require(all(j["attempt"] == 1 for j in arena.jobs(group)), "a run was started again")
    return {
        "daemon_json_after_the_kill": stale["state"],
        "starts_with_the_daemon_killed": len(runs),
        **_orphans(arena),
    }


def _orphans(arena: Arena) -> dict[str, Any]:
    """Kill the daemon and its runs; the next daemon follows its policy: queue them again."""
    witness = arena.root.parent / "witness-orphans.txt"
    group = _noted_sweep(arena, "g4orphans", witness, seconds=0.8, count=3)
    arena.until(lambda: len(read_lines(witness)) == 2, "two have started")
    arena.kill_daemon()
    arena.kill_runs()
    lost = set(read_lines(witness))
    arena.daemon(2)
    arena.until_ended(group, "completed")
    for job in arena.jobs(group):
        expected = 2 if job["run_id"] in lost else 1
        require(job["attempt"] == expected, f"{job['run_id']} is at attempt {job['attempt']}")
        starts = read_lines(witness).count(job["run_id"])
        require(starts == expected, f"{job['run_id']} was started {starts} times")
    return {"killed": arena.killed, "orphans_requeued": sorted(lost), "states": states(arena.jobs())}


def _noted_sweep(arena: Arena, name: str, witness: Path, *, seconds: float, count: int) -> str:
    """Enqueue commands that note their start in a file outside of the workspace."""
    command = [sys.executable, "-c", _NOTE_AND_SLEEP, str(witness), str(seconds)]
    base = request(family="command", command=command, hyperparameters={})
    return arena.enqueue(plan(arena.root, base, grid(count, "model.hyperparameters.n"), name=name), count)


def g5(arena: Arena) -> dict[str, Any]:
    """A single run is not kept waiting by a big sweep."""
    arena.daemon(1)
    group = arena.sweep(10, name="g5")
    folder = arena.root / ".runforge/runs/single"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(json.dumps(request()))
    arena.run("enqueue-run", "--run-id", "single", "--workspace", str(arena.root))
    before = len(arena.started())
    arena.until_ended(group, "completed")
    arena.until(lambda: arena.in_state("succeeded") == 11, "the single run has succeeded too")
    order = arena.started()
    place = order.index("single") + 1
    # It has the next turn; one run of the sweep may have started between the two lines above.
    require(place <= before + 2, f"the single run was start number {place}, {before} were before it")
    return {"starts_before_it_was_queued": before, "place_of_single_run": place, "start_order": order}


def g6(arena: Arena) -> dict[str, Any]:
    """A run folder that is gone fails its job with a clear reason; the others continue."""
    group = arena.sweep(5, name="g6")
    victim = arena.jobs(group)[2]["run_id"]
    shutil.rmtree(arena.root / ".runforge/runs" / victim)
    daemon = arena.daemon(2)
    arena.until_ended(group, "failed")
    found = states(arena.jobs(group))
    error = next(j["error"] for j in arena.jobs(group) if j["run_id"] == victim)
    require(found[victim] == "failed", "the job without a folder did not fail")
    require("folder" in error and "missing" in error, f"the reason is unclear: {error}")
    require({s for r, s in found.items() if r != victim} == {"succeeded"}, f"the others: {found}")
    require(daemon.poll() is None, "the daemon has ended")
    return {"error": error, "states": found, "start_order": arena.started()}
