"""G8 to G10: GPU fallback, GPU slots, mixed load. They hold with and without a GPU."""

from __future__ import annotations

import json
import os
from typing import Any

from gauntlets.arena import Arena, Watcher, most_at_once, request, require


def g8(arena: Arena) -> dict[str, Any]:
    """Without a GPU a GPU request runs on the CPU and says why."""
    path = arena.root / "gpu_request.json"
    path.write_text(json.dumps(request(device="gpu", family="logistic_regression")))
    before = os.environ.get("RUNFORGE_DISABLE_GPU")
    os.environ["RUNFORGE_DISABLE_GPU"] = "1"
    try:
        said = arena.run("run", "--request", str(path), "--workspace", str(arena.root))
    finally:
        if before is None:
            del os.environ["RUNFORGE_DISABLE_GPU"]
    token = "[RF:DEVICE=CPU gpu_reason=no_gpu_detected]"
    require(token in said.splitlines(), "no DEVICE token on stdout")
    folder = next((arena.root / ".runforge/runs").iterdir())
    require(token in (folder / "logs.txt").read_text().splitlines(), "no DEVICE token in logs.txt")
    device = arena.result(folder.name)["effective_config"]["device"]
    require(device == {"type": "cpu", "gpu_reason": "no_gpu_detected"}, f"result.json says {device}")
    return {"device": device}


def g9(arena: Arena) -> dict[str, Any]:
    """With one GPU slot one GPU job runs at a time."""
    arena.daemon(4, 1)
    with Watcher(arena) as watcher:
        gpu = arena.sweep(2, name="g9gpu", device="gpu")
        cpu = arena.sweep(3, name="g9cpu")
        for group in (gpu, cpu):
            arena.until_ended(group, "completed")
    require(watcher.most_gpu_running == 1, f"{watcher.most_gpu_running} GPU jobs ran at once")
    require(most_at_once(arena.jobs(gpu)) == 1, "GPU jobs overlapped")
    return {"max_gpu_concurrency": watcher.most_gpu_running, "max_concurrency": watcher.most_running}


def g10(arena: Arena) -> dict[str, Any]:
    """CPU jobs go on beside GPU jobs that wait for their slot."""
    arena.daemon(4, 1)
    with Watcher(arena) as watcher:
        gpu = arena.sweep(4, name="g10gpu", device="gpu", seconds=0.6)
        cpu = arena.sweep(4, name="g10cpu", seconds=0.6)
        for group in (gpu, cpu):
            arena.until_ended(group, "completed")
    gpu_jobs, cpu_jobs = arena.jobs(gpu), arena.jobs(cpu)
    require(watcher.most_gpu_running == 1, f"{watcher.most_gpu_running} GPU jobs ran at once")
    last_gpu_start = max(j["started_at"] for j in gpu_jobs)
    require(all(j["started_at"] < last_gpu_start for j in cpu_jobs), "CPU jobs waited for the GPU jobs")
    require(most_at_once(cpu_jobs) >= 2, "CPU jobs did not run side by side")
    return {"max_gpu_concurrency": 1, "cpu_at_once": most_at_once(cpu_jobs)}
