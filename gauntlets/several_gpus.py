"""G14 and G15: G9 and G10 on a box with four GPUs, runs of two of them, and runs that share one. NVML is made up."""

from __future__ import annotations

import json
import os
import sys
from itertools import combinations
from typing import Any

from gauntlets.arena import Arena, require
from gauntlets.made_gpus import CLAIM, FakeNvml, uuid
from gauntlets.watching import Watcher, states

_GIB = 2**30
_TOTAL = 80 * _GIB
#: Takes its memory, and holds it for a while.
_RUN = f"{CLAIM}\nimport sys, time\nclaim(int(sys.argv[1]))\ntime.sleep(float(sys.argv[2]))"


def g14(arena: Arena) -> dict[str, Any]:
    """Four GPUs: runs of one and of two have them whole, each one run at a time; CPU runs go on beside."""
    _box(arena, 4)
    arena.daemon(8, "auto")
    with Watcher(arena) as watcher:
        big = [_submit(arena, "-G", "2") for _ in range(3)]
        cpu = arena.sweep(3, name="g14cpu")
        small = [_submit(arena, "-G", "1") for _ in range(4)]
        jobs = _ended(arena, [*big, *small])
        arena.until_ended(cpu, "completed")
    had = {run: _devices(arena, run) for run in (*big, *small)}
    require(all(len(had[run]) == 2 for run in big), "a run of two had not two")
    require(all(len(had[run]) == 1 for run in small), "a run of one had not one")
    for one, other in combinations(jobs, 2):
        both = set(had[one["run_id"]]) & set(had[other["run_id"]])
        require(not (both and _overlap(one, other)), f"two runs had {both} at once")
    used = {device for devices in had.values() for device in devices}
    require(used == {uuid(n) for n in range(4)}, f"only {used} were used")
    last_end = max(job["finished_at"] for job in jobs)
    require(all(j["started_at"] < last_end for j in arena.jobs(cpu)), "CPU runs waited for the GPU runs")
    return {**watcher.evidence(), "devices": had, "states": states(jobs)}


def g15(arena: Arena) -> dict[str, Any]:
    """Runs that name their memory share GPUs, never above it, and leave records; a whole run waits for an empty one."""
    _box(arena, 2)
    arena.daemon(12, "auto")
    shared = [_submit(arena, "-G", "1", "--vram", "20G", memory=18 * _GIB) for _ in range(8)]
    whole = _submit(arena, "-G", "1")
    jobs = _ended(arena, [*shared, whole])
    had = {job["run_id"]: _devices(arena, job["run_id"])[0] for job in jobs}
    most = {device: _most_at_once(jobs, had, device) for device in sorted(set(had.values()))}
    require(all(count <= 3 for count in most.values()), f"three runs of 20 GiB fit on 80: {most}")
    require(max(most.values()) == 3, f"they did not share: {most}")
    beside = [job for job in jobs if job["run_id"] != whole and had[job["run_id"]] == had[whole]]
    (alone,) = (job for job in jobs if job["run_id"] == whole)
    require(not any(_overlap(alone, job) for job in beside), "a run with a whole GPU was not alone")
    peaks = [_used(arena, run)["peak_vram"].get(had[run]) for run in shared]
    require(set(peaks) == {18 * 1024}, f"the recorded peaks are {peaks}")
    return {"most_at_once": most, "peaks": peaks, "states": states(jobs)}


def _box(arena: Arena, devices: int) -> None:
    """Make up a box with so many GPUs for everything in the arena."""
    folder, locks = arena.root.parent / "nvml", arena.root.parent / "locks"
    for each in (folder, locks):
        each.mkdir()
    nvml = FakeNvml(folder)
    nvml.says([{"memory": _TOTAL} for _ in range(devices)], period=0.2)
    arena.environment.update(
        PYTHONPATH=os.pathsep.join(filter(None, [str(folder), os.environ.get("PYTHONPATH")])),
        RUNFORGE_GPU_LOCKS=str(locks),
        FAKE_GPU_CLAIMS=str(nvml.claims),
        RUNFORGE_DISABLE_GPU="0",
    )


def _submit(arena: Arena, *options: str, memory: int = 0, seconds: float = 1.5) -> str:
    command = (sys.executable, "-c", _RUN, str(memory), str(seconds))
    said = arena.run("submit", *options, "--workspace", str(arena.root), "--", *command)
    return said.split()[-1]


def _ended(arena: Arena, runs: list[str]) -> list[dict[str, Any]]:
    """Wait until the runs have succeeded; return their jobs."""

    def jobs() -> list[dict[str, Any]]:
        return [job for job in arena.jobs() if job["run_id"] in runs]

    arena.until(lambda: all(job["state"] not in {"queued", "running"} for job in jobs()), "they have ended")
    wrong = {job["run_id"]: job["state"] for job in jobs() if job["state"] != "succeeded"}
    require(not wrong, f"not succeeded: {wrong}")
    return jobs()


def _attempt(arena: Arena, run_id: str) -> dict[str, Any]:
    said = arena.run("show", run_id, "--workspace", str(arena.root), "--json")
    (attempt,) = json.loads(said)["data"]["attempts"]
    return dict(attempt)


def _devices(arena: Arena, run_id: str) -> list[str]:
    return list(_attempt(arena, run_id)["devices"])


def _used(arena: Arena, run_id: str) -> dict[str, Any]:
    return dict(_attempt(arena, run_id)["used"])


def _overlap(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return bool(one["started_at"] < other["finished_at"] and other["started_at"] < one["finished_at"])


def _most_at_once(jobs: list[dict[str, Any]], had: dict[str, str], device: str) -> int:
    mine = [job for job in jobs if had[job["run_id"]] == device]
    starts: list[str] = [job["started_at"] for job in mine]
    return max(sum(bool(job["started_at"] <= start < job["finished_at"]) for job in mine) for start in starts)
