"""G1 to G6: the queue, pause, cancel, crash recovery, fairness, disk drift."""

from __future__ import annotations

import json
import shutil
from typing import Any

from gauntlets.arena import Arena, Watcher, most_at_once, request, require, start_order


def g1(arena: Arena) -> dict[str, Any]:
    """At most `max_parallel` run at once; each run leaves a log and a result."""
    arena.daemon(2)
    with Watcher(arena) as watcher:
        trained = arena.sweep(4, name="g1", family="logistic_regression", hyperparameters={})
        arena.until_ended(trained, "completed")
        slow = arena.sweep(6, name="g1slow")
        arena.until_ended(slow, "completed")
    jobs = arena.jobs(slow)
    require(watcher.most_running <= 2, f"{watcher.most_running} ran at once")
    require(most_at_once(jobs) == 2, f"{most_at_once(jobs)} ran at once, by their timestamps")
    for job in arena.jobs():
        folder = arena.root / ".runforge/runs" / job["run_id"]
        require((folder / "logs.txt").is_file(), f"{job['run_id']} has no log")
        require(arena.result(job["run_id"])["status"] == "succeeded", f"{job['run_id']} did not succeed")
    return {"max_concurrency": watcher.most_running, "readings": watcher.readings}


def g2(arena: Arena) -> dict[str, Any]:
    """While a group is paused nothing of it starts; after a resume it does."""
    arena.daemon(2)
    group = arena.sweep(8, name="g2")
    arena.until(lambda: any(j["state"] == "running" for j in arena.jobs(group)), "a run is running")
    said = arena.run("pause-group", "--group-id", group, "--workspace", str(arena.root))
    require(f"[RF:GROUP=PAUSED {group}]" in said, "no PAUSED token")
    arena.until(lambda: arena.group(group)["paused"], "group.json says paused")
    before = set(start_order(arena.jobs(group)))
    arena.until(lambda: not any(j["state"] == "running" for j in arena.jobs(group)), "running ones finish")
    # Another group proves that the daemon goes on meanwhile, and gives it time to err.
    other = arena.sweep(3, name="g2other")
    arena.until_ended(other, "completed")
    paused = arena.jobs(group)
    require(set(start_order(paused)) == before, "something started while the group was paused")
    queued = sum(j["state"] == "queued" for j in paused)
    require(queued == 8 - len(before), f"{queued} are queued, {len(before)} had started")
    arena.run("resume-group", "--group-id", group, "--workspace", str(arena.root))
    arena.until_ended(group, "completed")
    return {"started_before_pause": len(before), "queued_while_paused": queued}


def g3(arena: Arena) -> dict[str, Any]:
    """A canceled group ends as canceled, with nothing left running."""
    arena.daemon(2)
    group = arena.sweep(6, name="g3", seconds=30)
    arena.until(lambda: sum(j["state"] == "running" for j in arena.jobs(group)) == 2, "two are running")
    said = arena.run("cancel-group", "--group-id", group, "--workspace", str(arena.root))
    require(said.startswith("Canceled 6 runs"), f"it said {said!r}")
    arena.until_ended(group, "canceled")
    arena.until(lambda: all(j["state"] == "canceled" for j in arena.jobs(group)), "every job is canceled")
    document = arena.group(group)
    require(document["execution"]["cancelled"] is True, "group.json does not say cancelled")
    started = [j["run_id"] for j in arena.jobs(group) if j["started_at"]]
    for run_id in started:
        require(arena.result(run_id)["status"] == "cancelled", f"{run_id}'s result is not cancelled")
    return {"running_when_canceled": len(started), "states": [j["state"] for j in arena.jobs(group)]}


def g4(arena: Arena) -> dict[str, Any]:
    """Kill -9 of the daemon: the next one takes over, and every run has run once with its outcome."""
    witness = arena.root / "witness.txt"
    code = "import os,sys,time;f=open(sys.argv[1],'a');f.write(os.environ['RUNFORGE_RUN_ID']+'\\n');f.close();time.sleep(0.6)"
    group = _command_sweep(arena, "g4", ["python3", "-c", code, str(witness)], 6)
    arena.daemon(2)
    arena.until(lambda: witness.exists() and len(witness.read_text().split()) == 2, "two have started")
    arena.kill_daemon()
    arena.daemon(2)
    arena.until_ended(group, "completed")
    lines = witness.read_text().split()
    runs = [j["run_id"] for j in arena.jobs(group)]
    require(sorted(lines) == sorted(runs), f"runs started: {sorted(lines)}, enqueued: {sorted(runs)}")
    require(all(j["attempt"] == 1 for j in arena.jobs(group)), "a run was started again")
    return {"killed": arena.killed, "starts": len(lines), "states": [j["state"] for j in arena.jobs(group)]}


def _command_sweep(arena: Arena, name: str, command: list[str], count: int) -> str:
    import sys

    model: dict[str, Any] = {"family": "command", "command": [sys.executable, *command[1:]]}
    document = {
        **_plan_frame(arena, name),
        "base_request": request(**model),
        "strategy": {"type": "list", "runs": [{"tags": [str(n)]} for n in range(count)]},
    }
    path = arena.root / f"plan-{name}.json"
    path.write_text(json.dumps(document))
    said = arena.run("enqueue-sweep", "--plan", str(path), "--workspace", str(arena.root))
    return next(line for line in said.splitlines() if line.startswith("[RF:GROUP")).split()[1]


def _plan_frame(arena: Arena, name: str) -> dict[str, Any]:
    return {
        "version": 1,
        "kind": "sweep_plan",
        "created_at": "2026-01-01T00:00:00.000Z",
        "created_by": "gauntlets",
        "workspace": str(arena.root),
        "group": {"name": name},
        "execution": {"max_parallel": 2},
    }


def g5(arena: Arena) -> dict[str, Any]:
    """A single run is not kept waiting by a big sweep."""
    arena.daemon(1)
    group = arena.sweep(10, name="g5")
    folder = arena.root / ".runforge/runs/single"
    folder.mkdir(parents=True)
    (folder / "request.json").write_text(json.dumps(request()))
    arena.run("enqueue-run", "--run-id", "single", "--workspace", str(arena.root))
    arena.until_ended(group, "completed")
    order = start_order(arena.jobs())
    place = order.index("single") + 1
    require(place <= 4, f"the single run was start number {place} of {len(order)}")
    return {"place_of_single_run": place, "order": order}


def g6(arena: Arena) -> dict[str, Any]:
    """A run folder that is gone fails its job with a clear reason; the others go on."""
    group = arena.sweep(5, name="g6")
    victim = arena.jobs(group)[2]["run_id"]
    shutil.rmtree(arena.root / ".runforge/runs" / victim)
    arena.daemon(2)
    arena.until_ended(group, "failed")
    states = {j["run_id"]: j["state"] for j in arena.jobs(group)}
    error = next(j["error"] for j in arena.jobs(group) if j["run_id"] == victim)
    require(states.pop(victim) == "failed", "the job without a folder did not fail")
    require("folder" in error and "missing" in error, f"the reason is unclear: {error}")
    require(set(states.values()) == {"succeeded"}, f"the others: {states}")
    return {"error": error}
