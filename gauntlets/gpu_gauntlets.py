"""G8 to G10: GPU fallback, GPU slots, mixed load. They hold with and without a GPU."""

from __future__ import annotations

import json
from typing import Any

from gauntlets.arena import Arena, request, require
from gauntlets.watching import Watcher, most_at_once, states


def g8(arena: Arena) -> dict[str, Any]:
    """Without a GPU a GPU request runs on the CPU and says why."""
    path = arena.root / "gpu_request.json"
    path.write_text(json.dumps(request(device="gpu", family="logistic_regression")))
    said = arena.run("run", "--request", str(path), "--workspace", str(arena.root), RUNFORGE_DISABLE_GPU="1")
    token = "[RF:DEVICE=CPU gpu_reason=no_gpu_detected]"
    require(token in said.splitlines(), "no DEVICE token on stdout")
    folder = next((arena.root / ".runforge/runs").iterdir())
    require(token in (folder / "logs.txt").read_text().splitlines(), "no DEVICE token in logs.txt")
    result = arena.result(folder.name)
    device = result["effective_config"]["device"]
    require(result["status"] == "succeeded", f"result.json says {result['status']}")
    require(device == {"type": "cpu", "gpu_reason": "no_gpu_detected"}, f"result.json says {device}")
    return {"device": device, "status": result["status"], "metrics": result["summary"]["metrics"]}


def g9(arena: Arena) -> dict[str, Any]:
    """With one GPU slot one GPU job runs at a time."""
    arena.daemon(4, 1)
    with Watcher(arena) as watcher:
        gpu = arena.sweep(2, name="g9gpu", device="gpu", seconds=1.5)
        cpu = arena.sweep(3, name="g9cpu")
        for group in (gpu, cpu):
            arena.until_ended(group, "completed")
    gpu_jobs, cpu_jobs = arena.jobs(gpu), arena.jobs(cpu)
    require(watcher.most_gpu_running == 1, f"{watcher.most_gpu_running} GPU jobs ran at once")
    first, second = sorted(gpu_jobs, key=lambda job: job["started_at"])
    require(second["started_at"] >= first["finished_at"], "the second GPU job did not wait for the first")
    require(
        all(job["started_at"] < second["started_at"] for job in cpu_jobs),
        "a CPU job waited for the GPU slot",
    )
    return {**watcher.evidence(), "start_order": arena.started(), "states": states(gpu_jobs + cpu_jobs)}


def g10(arena: Arena) -> dict[str, Any]:
    """CPU jobs run while GPU jobs wait for their slot."""
    arena.daemon(4, 1)
    with Watcher(arena) as watcher:
        gpu = arena.sweep(4, name="g10gpu", device="gpu", seconds=1.5)
        cpu = arena.sweep(4, name="g10cpu", seconds=0.8)
        for group in (gpu, cpu):
            arena.until_ended(group, "completed")
    gpu_jobs, cpu_jobs = arena.jobs(gpu), arena.jobs(cpu)
    require(watcher.most_gpu_running == 1, f"{watcher.most_gpu_running} GPU jobs ran at once")
    require(most_at_once(gpu_jobs) == 1, "GPU jobs overlapped, by their timestamps")
    require(watcher.most_running <= 4, f"{watcher.most_running} ran at once")
    last_gpu_start = max(j["started_at"] for j in gpu_jobs)
    require(all(j["started_at"] < last_gpu_start for j in cpu_jobs), "CPU jobs waited for the GPU jobs")
    require(most_at_once(cpu_jobs) == 3, f"{most_at_once(cpu_jobs)} CPU jobs ran beside the GPU job, not 3")
    return {
        **watcher.evidence(),
        "cpu_at_once": most_at_once(cpu_jobs),
        "start_order": arena.started(),
        "states": states(gpu_jobs + cpu_jobs),
    }
