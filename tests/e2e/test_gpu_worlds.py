"""Boxes that are not as they should be: wrong pids, a killed supervisor, MIG, a device that goes and comes back."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge.machine import os_process
from tests.e2e.test_gpu_sharing import GIB, gpus, holds, show, state, submit
from tests.e2e.test_gpu_sharing import nvml as _nvml
from tests.machine.nvml import FakeNvml, uuid

pytestmark = pytest.mark.slow
nvml = _nvml


def waits(here: Arena, run_id: str) -> bool:
    return bool(show(here, run_id)["job"]["waiting"] == "no_gpu_slot")


def test_with_the_pids_of_another_machine_memory_alone_decides(
    here: Arena, nvml: FakeNvml, tmp_path: Path
) -> None:
    nvml.says(1, pids={"shift": 2**22 + 1}, period=0.1)
    go = tmp_path / "go"
    here.daemon(4, "auto")
    runs = [submit(here, go, 30 * GIB, "-G", "1", "--vram", "32G") for _ in range(2)]
    for run in runs:
        here.until(holds(here, run), "both share the device")
    third = submit(here, go, 0, "-G", "1", "--vram", "32G")
    here.until(lambda: waits(here, third), "there is no room for a third")
    go.touch()
    here.until(lambda: state(here, third) == "succeeded", "it has run")
    here.finish()


def test_a_run_whose_supervisor_was_killed_keeps_its_memory(
    here: Arena, nvml: FakeNvml, tmp_path: Path
) -> None:
    nvml.says(2, period=0.1)
    go = tmp_path / "go"
    here.daemon(4, "auto")
    run = submit(here, go, 3 * GIB, "-G", "1")
    here.until(holds(here, run), "it has its memory")
    (pid,) = (int(path.name) for path in nvml.claims.glob("[0-9]*"))
    device = next(gpu for gpu in gpus(here) if gpu["runs"])
    assert (device["runs"][0]["used_mb"], device["processes"]) == (3072, [])
    supervisor = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(here.daemons[0].pid, signal.SIGSTOP)  # otherwise it ends what is left of the run
    os.kill(supervisor, signal.SIGKILL)
    here.killed.append(supervisor)
    here.until(lambda: os_process.is_zombie(supervisor), "the supervisor is gone")
    device = next(gpu for gpu in gpus(here) if gpu["runs"])
    assert (device["runs"][0]["used_mb"], device["processes"], device["held_by"]) == (3072, [], None)
    os.kill(here.daemons[0].pid, signal.SIGCONT)
    go.touch()
    here.finish()


def test_mig_instances_are_given_by_their_own_names(here: Arena, nvml: FakeNvml, tmp_path: Path) -> None:
    parts: list[dict[str, Any]] = [{"uuid": f"MIG-{letter}", "memory": 10 * GIB} for letter in "ab"]
    nvml.says([{"mig": parts}, {"mig": []}], period=0.1)
    go = tmp_path / "go"
    here.daemon(4, "auto")
    runs = [submit(here, go, GIB, "-G", "1") for _ in range(2)]
    for run in runs:
        here.until(holds(here, run), "it has an instance")
    go.touch()
    for run in runs:
        here.until(lambda run=run: state(here, run) == "succeeded", "it has ended")
    assert sorted(show(here, run)["attempts"][0]["devices"] for run in runs) == [["MIG-a"], ["MIG-b"]]
    here.finish()


def test_a_device_that_goes_keeps_its_run_and_is_used_again_when_it_is_back(
    here: Arena, nvml: FakeNvml, tmp_path: Path
) -> None:
    nvml.says(2, period=0.1)
    go = tmp_path / "go"
    here.daemon(4, "auto")
    run = submit(here, go, GIB, "--gpu", uuid(1))
    here.until(holds(here, run), "it has the second device")
    waiting = submit(here, go, GIB, "--gpu", uuid(1))
    nvml.says([{}, {"gone": True}], period=0.1)
    gone = f"GPU 1 ({uuid(1)}) cannot be used: it is gone"
    here.until(lambda: gone in here.said(here.daemons[0]), "the daemon says that it is gone")
    assert state(here, run) == "running"
    go.touch()
    here.until(lambda: state(here, run) == "succeeded", "its run has ended well")
    assert state(here, waiting) == "queued"
    nvml.says(2, period=0.1)
    here.until(lambda: state(here, waiting) == "succeeded", "it is used again")
    here.finish()


def test_a_stranger_in_the_middle_of_a_sweep_gets_his_device(
    here: Arena, nvml: FakeNvml, tmp_path: Path
) -> None:
    nvml.says(2, period=0.1)
    here.daemon(4, "auto")
    go = tmp_path / "go"
    first = submit(here, go, GIB, "--gpu", uuid(0))
    here.until(holds(here, first), "it runs")
    nvml.says([{}, {"processes": [{"pid": os.getpid(), "memory": GIB}]}], period=0.1)
    here.until(lambda: b'"foreign_mb": 1024' in daemon_json(here), "the daemon has seen him")
    second = submit(here, go, GIB, "-G", "1")
    here.until(lambda: waits(here, second), "the next one waits for the other device")
    go.touch()
    here.until(lambda: state(here, second) == "succeeded", "it runs there")
    assert show(here, second)["attempts"][0]["devices"] == [uuid(0)]
    here.finish()


def test_a_device_whose_hardware_failed_gets_no_new_runs(here: Arena, nvml: FakeNvml, tmp_path: Path) -> None:
    nvml.says(2, period=0.1)
    here.daemon(4, "auto")
    go = tmp_path / "go"
    run = submit(here, go, GIB, "--gpu", uuid(0))
    here.until(holds(here, run), "it runs")
    nvml.says([{}, {"xid": 79}], period=0.1)
    here.until(lambda: gpus(here)[1]["quarantined"], "it is put aside")
    assert gpus(here)[1]["quarantined"]["reason"] == "the driver says Xid 79"
    waiting = submit(here, go, GIB, "--gpu", uuid(1))
    here.until(lambda: waits(here, waiting), "a run waits for it")
    here.run("gpus", "--release", "1", "--workspace", str(here.root))
    here.until(holds(here, waiting), "it runs there once it is given back")
    go.touch()
    assert here.said(here.daemons[0]).count("Xid 79") == 1
    here.finish()


def daemon_json(here: Arena) -> bytes:
    return (here.root / ".runforge/queue/daemon.json").read_bytes()
