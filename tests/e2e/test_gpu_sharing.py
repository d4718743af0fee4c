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
HOLD = f"""{CLAIM}
import pathlib, sys, time
claim(int(sys.argv[1]))
print('HOLDS', flush=True)
while not pathlib.Path(sys.argv[2]).exists():
    time.sleep(0.05)
"""


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    folder, locks = tmp_path / "nvml", tmp_path / "locks"
    folder.mkdir()
    locks.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    monkeypatch.setenv("RUNFORGE_GPU_LOCKS", str(locks))
    monkeypatch.setenv("FAKE_GPU_CLAIMS", str(folder / "claims"))
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


def gpus(here: Arena) -> Any:
    return json.loads(here.run("gpus", "--workspace", str(here.root), "--json"))["data"]["gpus"]


def holds(here: Arena, run_id: str) -> Callable[[], bool]:
    log = here.root / ".runforge/runs" / run_id / "logs.txt"
    return lambda: log.exists() and "HOLDS" in log.read_text()


def test_a_run_leaves_a_record_of_what_it_used(here: Arena, nvml: FakeNvml, tmp_path: Path) -> None:
    nvml.says([{"use": 50}, {"use": 70}], period=0.1)
    go = tmp_path / "go"
    here.daemon(2, 2)
    run_id = submit(here, go, 3 * GIB, "-G", "2")
    here.until(holds(here, run_id), "it has its memory")
    (shown,) = {gpu["used_mb"] for gpu in gpus(here)}
    assert shown == 3072
    watched = used_once_seen(here, run_id, go)
    assert watched["peak_vram"] == {uuid(0): 3072, uuid(1): 3072}
    assert watched["gpu_use"] == 60.0
    assert watched["gpu_seconds"] > 0
    assert 0 < watched["watched"] <= 1
    assert watched["peak_rss_mb"] > 1
    assert watched["cpu_seconds"] > 0
    here.finish()


def used_once_seen(here: Arena, run_id: str, go: Path) -> Any:
    """Let the run end once the daemon has looked, and return its record."""
    daemon_json = here.root / ".runforge/queue/daemon.json"
    here.until(lambda: b'"used_mb": 3072' in daemon_json.read_bytes(), "the daemon has seen its memory")
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


def test_somebody_elses_memory_keeps_a_run_waiting(here: Arena, nvml: FakeNvml, tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        nvml.says([{"processes": [{"pid": stranger.pid, "memory": GIB}]}], period=0.1)
        go = tmp_path / "go"
        go.touch()
        here.daemon(2, 1)
        run_id = submit(here, go, 0, "-G", "1")
        here.until(lambda: show(here, run_id)["job"]["waiting"] == "no_gpu_slot", "it waits")
        assert f"pid {stranger.pid}" in here.run("gpus", "--workspace", str(here.root))
        here.run("cancel", run_id, "--workspace", str(here.root))
        stranger.communicate(b"\n")
    here.finish()
