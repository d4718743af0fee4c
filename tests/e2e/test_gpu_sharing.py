"""Queues and people that share GPUs: leases between workspaces, foreign memory, and the record of what was used."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from tests.machine.nvml import CLAIM, FakeNvml, uuid

pytestmark = pytest.mark.slow

GIB = 2**30
#: Takes memory at once, and ends when a file is there.
HOLD = f"{CLAIM}\nimport pathlib, sys, time\nclaim(int(sys.argv[1]))\nprint('HOLDS', flush=True)\n" + (
    "while not pathlib.Path(sys.argv[2]).exists(): time.sleep(0.05)\n"
)


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    folder, locks = tmp_path / "nvml", tmp_path / "locks"
    folder.mkdir()
    locks.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("RUNFORGE_GPU_LOCKS", str(locks))
    monkeypatch.setenv("RUNFORGE_TEST_CLAIMS", str(folder / "claims"))
    for name in ("RUNFORGE_DISABLE_GPU", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    return FakeNvml(folder)


def submit(here: Arena, go: Path, memory: int, *options: str) -> str:
    command = (sys.executable, "-c", HOLD, str(memory), str(go))
    said = here.run("submit", *options, "--workspace", str(here.root), "--json", "--", *command)
    return str(json.loads(said)["data"]["runs"][0]["run_id"])


def state(here: Arena, run_id: str) -> str:
    return str(show(here, run_id)["job"]["state"])


def show(here: Arena, run_id: str) -> Any:
    return json.loads(here.run("show", run_id, "--workspace", str(here.root), "--json"))["data"]


def holds(here: Arena, run_id: str) -> Callable[[], bool]:
    log = here.root / ".runforge/runs" / run_id / "logs.txt"
    return lambda: log.exists() and "HOLDS" in log.read_text()


def test_a_run_leaves_a_record_of_what_it_used(here: Arena, nvml: FakeNvml, tmp_path: Path) -> None:
    nvml.says([{"use": 50}, {"use": 70}], period=0.1)
    go = tmp_path / "go"
    here.daemon(2, 2)
    run_id = submit(here, go, 3 * GIB, "-G", "2")
    here.until(holds(here, run_id), "it has its memory")
    here.until(lambda: "3.0 GiB" in here.run("gpus", "--workspace", str(here.root)), "its memory is seen")
    before = (nvml.folder / "world.json").stat().st_mtime_ns
    nvml.says([{"use": 50}, {"use": 70}], period=0.1, seen=before)
    watched = show_used_soon(here, run_id, go)
    assert watched["peak_vram"] == {uuid(0): 3072, uuid(1): 3072}
    assert watched["gpu_use"] == 60.0
    assert watched["gpu_seconds"] > 0
    assert 0 < watched["watched"] <= 1
    assert watched["peak_rss_mb"] > 1
    assert watched["cpu_seconds"] > 0
    here.finish()


def show_used_soon(here: Arena, run_id: str, go: Path) -> Any:
    """Let the run end once the daemon has surely looked, and return the record."""
    index = here.root / ".runforge/queue/daemon.json"
    here.until(lambda: b'"used_mb": 3072' in index.read_bytes(), "the daemon has seen its memory")
    go.touch()
    here.until(lambda: state(here, run_id) == "succeeded", "it has ended")
    return show(here, run_id)["attempts"][0]["used"]


def test_two_workspaces_never_have_one_device_at_once(here: Arena, nvml: FakeNvml, tmp_path: Path) -> None:
    nvml.says(1, period=0.1)
    go = tmp_path / "go"
    other = Arena(tmp_path / "other")
    here.daemon(2, 1)
    other.daemon(2, 1)
    try:
        first = submit(here, go, 0, "-G", "1")
        here.until(holds(here, first), "it runs")
        second = submit(other, go, 0, "-G", "1")
        other.until(lambda: show(other, second)["job"]["waiting"] == "no_gpu_slot", "the other one waits")
        assert "held by another queue" in other.run("gpus", "--workspace", str(other.root))
        assert not holds(other, second)()
        go.touch()
        other.until(lambda: state(other, second) == "succeeded", "it runs when the first has ended")
    finally:
        other.finish()
    here.finish()


def test_somebody_elses_memory_keeps_a_run_waiting_until_it_is_gone(
    here: Arena, nvml: FakeNvml, tmp_path: Path
) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        nvml.says([{"processes": [{"pid": stranger.pid, "memory": GIB}]}], period=0.1)
        go = tmp_path / "go"
        go.touch()
        here.daemon(2, 1)
        run_id = submit(here, go, 0, "-G", "1")
        here.until(lambda: show(here, run_id)["job"]["waiting"] == "no_gpu_slot", "it waits")
        assert f"pid {stranger.pid}" in here.run("gpus", "--workspace", str(here.root))
        nvml.says([{}], period=0.1)
        stranger.communicate(b"\n")
        here.give_up(run_id) if False else here.run("cancel", run_id, "--workspace", str(here.root))
    here.finish()
