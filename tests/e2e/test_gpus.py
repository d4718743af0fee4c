"""GPUs of a daemon: a made-up NVML at the `pynvml` seam, everything else real."""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from gauntlets.arena import Arena
from runforge import workspace as workspaces
from runforge.queue import submit
from tests.machine.nvml import FakeNvml, uuid

pytestmark = pytest.mark.slow

SHOW = (
    "import os, time; print('SEES', os.environ['RUNFORGE_DEVICE'], os.environ.get('CUDA_VISIBLE_DEVICES'),"
    " os.environ.get('CUDA_DEVICE_ORDER')); time.sleep(0.5)"
)
COMMAND = [sys.executable, "-c", SHOW]
BROKEN = "NVIDIA's driver does not work: LibRmVersionMismatch by nvmlInit"


@pytest.fixture
def nvml(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeNvml:
    folder = tmp_path / "nvml"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
    for name in ("RUNFORGE_DISABLE_GPU", "CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"):
        monkeypatch.delenv(name, raising=False)
    locks = tmp_path / "locks"
    locks.mkdir()
    monkeypatch.setenv("RUNFORGE_GPU_LOCKS", str(locks))
    return FakeNvml(folder)


def log_of(here: Arena, run_id: str) -> list[str]:
    return (here.root / ".runforge/runs" / run_id / "logs.txt").read_text().splitlines()


def sweep(here: Arena, count: int, name: str, device: str = "gpu", command: list[str] = COMMAND) -> str:
    return here.sweep(count, name=name, device=device, family="command", command=command, hyperparameters={})


def seen(here: Arena, group: str) -> list[str]:
    return sorted(line for j in here.jobs(group) for line in log_of(here, j["run_id"]) if "SEES" in line)


def asked(here: Arena, *command: str, expect: int | None = 0) -> Any:
    return json.loads(here.run(*command, "--json", "--workspace", str(here.root), expect=expect))["data"]


def daemon_json(here: Arena) -> dict[str, Any]:
    return dict(json.loads((here.root / ".runforge/queue/daemon.json").read_bytes()))


@pytest.mark.usefixtures("nvml")
def test_each_gpu_job_gets_a_device_of_its_own(here: Arena) -> None:
    here.daemon(4, 2)
    group = sweep(here, 2, "gpu")
    here.until_ended(group, "completed")
    assert seen(here, group) == [f"SEES gpu {uuid(0)} PCI_BUS_ID", f"SEES gpu {uuid(1)} PCI_BUS_ID"]
    first = here.jobs(group)[0]["run_id"]
    assert "[RF:DEVICE=GPU]" in log_of(here, first)
    assert here.result(first)["effective_config"]["device"] == {"type": "gpu"}
    assert "gpu=true" in here.said(here.daemons[0])
    here.finish()


def test_a_run_of_several_devices_sees_them_all(here: Arena, nvml: FakeNvml) -> None:
    nvml.says(3)
    folder = here.root / ".runforge/runs/pair"
    folder.mkdir(parents=True)
    model = {"family": "command", "command": COMMAND, "hyperparameters": {}}
    document = {"version": 1, "preset": "custom", "model": model, "device": {"type": "gpu"}}
    document["resources"] = {"gpus": 2}
    document |= {"created_at": "2026-01-01T00:00:00.000Z", "created_by": "tests"}
    (folder / "request.json").write_text(json.dumps(document))
    submit.enqueue_run(workspaces.at(here.root), "pair")
    here.daemon(4, 3)
    here.until(lambda: [job["state"] for job in here.jobs()] == ["succeeded"], "it has run")
    assert f"SEES gpu {uuid(0)},{uuid(1)} PCI_BUS_ID" in log_of(here, "pair")
    (attempt,) = asked(here, "show", "pair")["attempts"]
    assert attempt["devices"] == [uuid(0), uuid(1)]
    here.finish()


@pytest.mark.usefixtures("nvml")
@pytest.mark.parametrize(("device", "reason"), [("gpu", "unsupported_model"), ("cpu", "user_requested_cpu")])
def test_a_model_without_gpu_code_never_reports_one(here: Arena, device: str, reason: str) -> None:
    here.daemon(2, 1)
    group = here.sweep(1, name="sk", device=device, family="logistic_regression", hyperparameters={})
    here.until_ended(group, "completed")
    run_id = here.jobs(group)[0]["run_id"]
    assert f"[RF:DEVICE=CPU gpu_reason={reason}]" in log_of(here, run_id)
    assert here.result(run_id)["effective_config"]["device"] == {"type": "cpu", "gpu_reason": reason}
    here.finish()


@pytest.mark.usefixtures("nvml")
@pytest.mark.parametrize(
    ("variable", "value"),
    [("RUNFORGE_DISABLE_GPU", "1"), ("CUDA_VISIBLE_DEVICES", ""), ("CUDA_VISIBLE_DEVICES", "-1")],
)
def test_hidden_gpus_are_not_there(
    here: Arena, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    here.daemon(2, 1)
    group = sweep(here, 1, "hidden")
    here.until_ended(group, "completed")
    assert "[RF:DEVICE=CPU gpu_reason=no_gpu_detected]" in log_of(here, here.jobs(group)[0]["run_id"])
    (line,) = seen(here, group)
    assert line.startswith("SEES cpu")
    assert "GPU-" not in line
    here.finish()


@pytest.mark.parametrize(("visible", "own"), [("2,1", {1, 2}), (uuid(3), {3}), ("GPU-00000002", {2})])
def test_a_daemon_hands_out_its_share_alone(
    here: Arena, nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch, visible: str, own: set[int]
) -> None:
    nvml.says(4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    here.daemon(2, 2)
    group = sweep(here, 2, "share")
    here.until_ended(group, "completed")
    assert set(seen(here, group)) == {f"SEES gpu {uuid(number)} PCI_BUS_ID" for number in own}
    here.finish()


@pytest.mark.parametrize("has_gpus", [True, False])
def test_a_run_that_asks_for_no_gpu_sees_none(here: Arena, nvml: FakeNvml, has_gpus: bool) -> None:
    nvml.says(2 if has_gpus else 0)
    here.daemon(2, 1)
    plain = sweep(here, 1, "plain", "cpu")
    own = sweep(here, 1, "own", "cpu", ["env", "CUDA_VISIBLE_DEVICES=1", *COMMAND])
    for group in (plain, own):
        here.until_ended(group, "completed")
    assert seen(here, plain) == ["SEES cpu  None"]
    assert seen(here, own) == ["SEES cpu 1 None"]  # what a command sets itself wins
    here.finish()


def test_a_device_that_does_not_answer_costs_itself_alone(here: Arena, nvml: FakeNvml) -> None:
    nvml.says(
        [
            {"errors": {"nvmlDeviceGetUUID": "GpuIsLost"}},
            {"errors": {"nvmlDeviceGetMemoryInfo": "NotSupported"}},
        ]
    )
    here.daemon(4, 2)
    group = sweep(here, 3, "one_left")
    here.until_ended(group, "completed")
    assert seen(here, group) == [f"SEES gpu {uuid(1)} PCI_BUS_ID"] * 3
    jobs = sorted(here.jobs(group), key=lambda job: job["started_at"])
    # The other one has not to bear two runs for it.
    assert all(before["finished_at"] <= after["started_at"] for before, after in pairwise(jobs))
    lost = "GPU 0 cannot be used: GpuIsLost by nvmlDeviceGetUUID"
    assert here.said(here.daemons[0]).count(f"WARNING: {lost}; the others can") == 1
    findings = {
        each["text"]: each["status"] for each in asked(here, "doctor")["findings"] if each["name"] == "gpus"
    }
    assert findings == {"1: Fake H200, memory unknown": "ok", lost: "warning"}
    assert daemon_json(here)["gpu_problem"] is None
    here.finish()


def test_a_broken_driver_makes_gpu_runs_wait_until_it_is_mended(here: Arena, nvml: FakeNvml) -> None:
    nvml.says(1, errors={"nvmlInit": "LibRmVersionMismatch"}, period=0.2)
    here.daemon(4, 1)
    waits = sweep(here, 1, "waits")
    others = sweep(here, 2, "others", "cpu")
    here.until_ended(others, "completed")
    here.until(lambda: daemon_json(here)["gpu_problem"] == BROKEN, "daemon.json says it")
    (job,) = here.jobs(waits)
    assert job["state"] == "queued"
    assert asked(here, "show", job["run_id"])["job"]["waiting"] == "gpu_broken"
    assert asked(here, "queue-status")["daemon"]["gpu_problem"] == BROKEN
    assert f"{BROKEN}; runs that need one wait" in here.run("queue-status", "--workspace", str(here.root))
    assert here.said(here.daemons[0]).count(BROKEN) == 1
    found = asked(here, "doctor", expect=1)["findings"]
    assert [each["text"] for each in found if each["status"] == "problem"] == [
        f"{BROKEN}; runs that need a GPU wait"
    ]
    nvml.says(1)
    here.until_ended(waits, "completed")
    assert seen(here, waits) == [f"SEES gpu {uuid(0)} PCI_BUS_ID"]
    here.until(lambda: daemon_json(here)["gpu_problem"] is None, "daemon.json says that it is mended")
    assert "the GPUs can be used again" in here.said(here.daemons[0])
    asked(here, "doctor")
    here.finish()


def test_a_share_that_names_nothing_makes_gpu_runs_wait(
    here: Arena, nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml.says(1)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "banana")
    here.daemon(2, 1)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    group = sweep(here, 1, "nothing")
    problem = "CUDA_VISIBLE_DEVICES is 'banana', which names none of this machine's GPUs"
    here.until(lambda: daemon_json(here)["gpu_problem"] == problem, "daemon.json says it")
    here.until(lambda: here.jobs(group), "it is in queue.json")
    assert asked(here, "show", here.jobs(group)[0]["run_id"])["job"]["waiting"] == "gpu_broken"
    found = asked(here, "doctor", expect=1)["findings"]
    assert f"the daemon cannot use them: {problem}" in [each["text"] for each in found]
    here.group_command("cancel-group", group)
    here.finish()


def test_run_refuses_to_compute_on_the_cpu_beside_a_broken_driver(here: Arena, nvml: FakeNvml) -> None:
    nvml.says(1, errors={"nvmlInit": "LibRmVersionMismatch"})
    model = {"family": "command", "command": COMMAND, "hyperparameters": {}}
    document = {"version": 1, "preset": "custom", "model": model, "device": {"type": "gpu"}}
    document["resources"] = {"gpus": 2}
    document |= {"created_at": "2026-01-01T00:00:00.000Z", "created_by": "tests"}
    request = here.root / "request.json"
    request.write_text(json.dumps(document))
    command = ("run", "--request", str(request), "--workspace", str(here.root))
    here.run(*command, expect=1)
    assert not list((here.root / ".runforge/runs").glob("*"))
    nvml.says(1, errors={"nvmlInit": "DriverNotLoaded"})
    assert "[RF:DEVICE=CPU gpu_reason=no_gpu_detected]" in here.run(*command)
    here.finish()
