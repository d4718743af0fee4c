"""Several GPUs, runs of several, and runs that share one: a made-up NVML, everything else real."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from gauntlets.gpu_gauntlets import g8, g9, g10
from tests.e2e.test_gpus import asked, daemon_json, log_of
from tests.machine.nvml import FakeNvml, uuid

pytestmark = pytest.mark.slow

SEES = "import os, time; print('SEES', os.environ['CUDA_VISIBLE_DEVICES']); time.sleep(0.4)"
#: Goes on until there is a file.
SEES_UNTIL = (
    "import os, sys, time; print('SEES', os.environ['CUDA_VISIBLE_DEVICES'])\n"
    "while not os.path.exists(sys.argv[1]): time.sleep(0.02)"
)
#: Runs out of memory until it is small enough, or was told that it did.
OOM = (
    "import os, sys; batch = int(sys.argv[1]); print('BATCH', batch, os.environ.get('RUNFORGE_OOMS'))\n"
    "if batch > 8 and not (len(sys.argv) > 2 and os.environ.get('RUNFORGE_OOMS')):\n"
    "    sys.exit('torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 9.00 GiB')"
)
GIB = 2**30


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    folder = tmp_path / "nvml"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    for name in ("RUNFORGE_DISABLE_GPU", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    return FakeNvml(folder)


def submit(here: Arena, *options: str, command: list[str] | None = None) -> str:
    words = command or [sys.executable, "-c", SEES]
    return here.run("submit", *options, "--workspace", str(here.root), "--", *words).strip().splitlines()[-1]


def ended(here: Arena, runs: list[str]) -> list[dict[str, Any]]:
    """Wait for runs and return their jobs."""

    def jobs() -> list[dict[str, Any]]:
        return [job for job in here.jobs() if job["run_id"] in runs]

    here.until(lambda: [j["state"] for j in jobs()] == ["succeeded"] * len(runs), "all have succeeded")
    return jobs()


def devices_of(here: Arena, run_id: str) -> list[str]:
    (line,) = [line for line in log_of(here, run_id) if line.startswith("SEES")]
    return [name for name in line.removeprefix("SEES").strip().split(",") if name]


def overlap(first: dict[str, Any], second: dict[str, Any]) -> bool:
    return first["started_at"] < second["finished_at"] and second["started_at"] < first["finished_at"]


def test_four_devices_and_runs_of_one_and_of_two(here: Arena, nvml: FakeNvml) -> None:
    """G9 and G10 with four devices: each is one run's at a time, and runs without a GPU do not wait for one."""
    nvml.says(4)
    pairs = [submit(here, "-G", "2") for _ in range(3)]
    singles = [submit(here, "-G", "1") for _ in range(5)]
    plain = [submit(here, "-G", "0") for _ in range(3)]
    here.daemon(12, "auto")
    jobs = {job["run_id"]: job for job in ended(here, pairs + singles + plain)}
    assert "gpu_slots=4" in here.said(here.daemons[0])
    seen = {run_id: devices_of(here, run_id) for run_id in jobs}
    assert {len(seen[run_id]) for run_id in pairs} == {2}
    assert {len(seen[run_id]) for run_id in singles} == {1}
    assert {len(seen[run_id]) for run_id in plain} == {0}
    assert {name for names in seen.values() for name in names} == {uuid(number) for number in range(4)}
    for one, other in combinations(pairs + singles, 2):
        if set(seen[one]) & set(seen[other]):
            assert not overlap(jobs[one], jobs[other]), (one, other)
    last = max(jobs[run_id]["started_at"] for run_id in pairs + singles)
    assert all(jobs[run_id]["started_at"] < last for run_id in plain)
    told = daemon_json(here)
    assert [(gpu["index"], gpu["uuid"], gpu["memory_mb"]) for gpu in told["gpus"]] == [
        (number, uuid(number), 81920) for number in range(4)
    ]
    assert (told["gpu_slots"], told["gpus_reserved"]) == (4, None)
    here.finish()


@pytest.mark.parametrize("gauntlet", [g8, g9, g10])
def test_the_gauntlets_hold_on_four_devices(
    here: Arena, nvml: FakeNvml, gauntlet: Callable[[Arena], Any]
) -> None:
    nvml.says(4)
    gauntlet(here)
    here.finish()


def test_runs_share_a_device_as_far_as_its_memory_goes(here: Arena, nvml: FakeNvml) -> None:
    nvml.says([{"memory": 81 * GIB}])
    here.daemon(9, "auto")
    enough = here.root / "enough"
    goes_on = [sys.executable, "-c", SEES_UNTIL, str(enough)]
    runs = [submit(here, "--vram", "30G", command=goes_on) for _ in range(4)]
    here.until(
        lambda: asked(here, "show", runs[-1])["job"]["waiting_detail"] == "memory",
        "the others wait for memory",
    )
    here.until(lambda: [job["state"] for job in here.jobs()].count("running") == 2, "two share it")
    enough.touch()
    jobs = ended(here, runs)
    assert all(devices_of(here, run_id) == [uuid(0)] for run_id in runs)
    most = max(sum(overlap(one, other) for other in jobs) for one in jobs)
    assert most <= 4
    assert any(overlap(one, other) for one, other in combinations(jobs, 2))
    for three in combinations(jobs, 3):
        assert not all(overlap(one, other) for one, other in combinations(three, 2))
    here.finish()


def test_a_device_without_memory_is_tried_once_more_on_a_whole_one(here: Arena, nvml: FakeNvml) -> None:
    nvml.says(2)
    here.daemon(9, "auto")
    run = submit(here, "--vram", "10G", command=[sys.executable, "-c", OOM, "32", "told"])
    ended(here, [run])
    first, second = asked(here, "show", run)["attempts"]
    assert (first["cause"], second["cause"]) == ("gpu_oom", "exit")
    assert first["error"].startswith("out of GPU memory: torch.OutOfMemoryError: CUDA out of memory")
    assert "BATCH 32 1" in log_of(here, run)
    assert asked(here, "show", run)["job"]["vram_mb"] == 0
    here.finish()


def test_a_rule_halves_a_parameter(here: Arena, nvml: FakeNvml) -> None:
    nvml.says(1)
    here.daemon(9, "auto")
    options = ("-S", "batch=32", "-G", "1", "--retry", "2:gpu_oom:batch=/2", "--backoff", "1s")
    submit(here, *options, command=[sys.executable, "-c", OOM, "{batch}"])
    here.until(lambda: [job["state"] for job in here.jobs()] == ["succeeded"], "the third attempt fits")
    run = here.jobs()[0]["run_id"]
    shown = asked(here, "show", run)
    assert shown["job"]["overrides"] == {"model.hyperparameters.batch": 8}
    assert [attempt["cause"] for attempt in shown["attempts"]] == ["gpu_oom", "gpu_oom", "exit"]
    assert "BATCH 8 2" in log_of(here, run)
    here.finish()


def test_a_daemon_gives_out_the_devices_that_it_was_told(here: Arena, nvml: FakeNvml) -> None:
    nvml.says(3)
    here.daemon(9, "auto", "--devices", "2,1")
    enough = here.root / "enough"
    goes_on = [sys.executable, "-c", SEES_UNTIL, str(enough)]
    runs = [submit(here, "-G", "1", command=goes_on) for _ in range(2)]
    pinned = submit(here, "--gpu", "1")
    here.until(lambda: [job["state"] for job in here.jobs()].count("running") == 2, "each has a device")
    enough.touch()
    ended(here, [*runs, pinned])
    assert sorted(devices_of(here, run)[0] for run in runs) == [uuid(1), uuid(2)]
    assert devices_of(here, pinned) == [uuid(1)]
    assert asked(here, "show", pinned)["request"]["resources"] == {"gpus": 1, "devices": [uuid(1)]}
    assert daemon_json(here)["gpu_slots"] == 2
    here.finish()


def test_what_cannot_be_and_what_may_be_a_mistake_is_told_at_submit(here: Arena, nvml: FakeNvml) -> None:
    nvml.says(2)
    here.daemon(2, "auto")
    here.until(lambda: daemon_json(here).get("gpus"), "daemon.json tells the devices")

    def say(*options: str) -> str:
        words = [*here.program, "submit", *options, "--workspace", str(here.root), "--", "true"]
        return subprocess.run(
            words, capture_output=True, text=True, check=False, timeout=60, cwd=here.root
        ).stderr

    assert "no GPU" not in say("-G", "0")
    assert "no GPU" not in say("-G", "1")
    assert "there is no GPU 7 here" in say("--gpu", "7")
    assert f"0 {uuid(0)}" in say("--gpu", "GPU-ffff")
    assert "the largest one here has 81920 MB" in say("--vram", "90G")
    assert "are too few for 2 GPUs" in say("-G", "2", "--gpu", "0")
    assert "too few runs of this recipe are known" in say("--vram", "learned")
    assert "sees no GPU; -G 1 asks for one" in say("-n", "plain")
    run = next(job["run_id"] for job in here.jobs() if job["name"] == "plain")
    here.until(lambda: all(job["state"] == "succeeded" for job in here.jobs()), "all have run")
    assert "[RunForge: this run sees no GPU; -G 1 asks for one]" in log_of(here, run)
    shown = here.run("show", run, "--workspace", str(here.root))
    assert "sees no GPU; -G 1 asks for one" in shown
    here.finish()


def test_a_device_that_fails_run_after_run_is_put_aside(here: Arena, nvml: FakeNvml) -> None:
    nvml.says(1)
    here.daemon(2, "auto")
    broken = [sys.executable, "-c", "raise SystemExit('CUDA error: uncorrectable ECC error encountered')"]
    for _ in range(3):
        submit(here, "-G", "1", command=broken)
    good = submit(here, "-G", "1", "--after", "@last:any")
    here.until(
        lambda: asked(here, "show", good)["job"]["waiting_detail"] == "quarantined", "the next run waits"
    )
    error = asked(here, "show", here.jobs()[0]["run_id"])["job"]["error"]
    assert error == "its GPU failed: CUDA error: uncorrectable ECC error encountered"
    assert "quarantined since" in here.run("gpus", "--workspace", str(here.root))
    here.run("gpus", "--release", "0", "--workspace", str(here.root))
    ended(here, [good])
    assert json.loads(here.run("queue-status", "--json", "--workspace", str(here.root)))
    here.finish()
