"""GPU slots on a machine with GPUs: a fake NVML at the `pynvml` seam, everything else real."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from gauntlets.arena import Arena

pytestmark = pytest.mark.slow

FAKE_NVML = """
class NVMLError(Exception): pass
class Memory: total = 80 * 2**30
def nvmlInit(): pass
def nvmlShutdown(): pass
def nvmlDeviceGetCount(): return 2
def nvmlDeviceGetHandleByIndex(index): return index
def nvmlDeviceGetMemoryInfo(handle): return Memory
def nvmlDeviceGetUUID(handle): return f"GPU-0000-{handle}"
def nvmlDeviceGetName(handle): return b"Fake H200"
"""
SHOW = (
    "import os, time; print('SEES', os.environ['RUNFORGE_DEVICE'], os.environ.get('CUDA_VISIBLE_DEVICES'),"
    " os.environ.get('CUDA_DEVICE_ORDER')); time.sleep(0.5)"
)


@pytest.fixture
def fake_gpus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pynvml.py").write_text(FAKE_NVML)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.delenv("RUNFORGE_DISABLE_GPU", raising=False)


def log_of(here: Arena, run_id: str) -> list[str]:
    return (here.root / ".runforge/runs" / run_id / "logs.txt").read_text().splitlines()


@pytest.mark.usefixtures("fake_gpus")
def test_each_gpu_job_gets_a_device_of_its_own(here: Arena) -> None:
    here.daemon(4, 2)
    model = {"family": "command", "command": [sys.executable, "-c", SHOW], "hyperparameters": {}}
    group = here.sweep(2, name="gpu", device="gpu", **model)
    here.until_ended(group, "completed")
    seen = sorted(line for j in here.jobs(group) for line in log_of(here, j["run_id"]) if "SEES" in line)
    assert seen == ["SEES gpu GPU-0000-0 PCI_BUS_ID", "SEES gpu GPU-0000-1 PCI_BUS_ID"]
    first = here.jobs(group)[0]["run_id"]
    assert "[RF:DEVICE=GPU]" in log_of(here, first)
    assert here.result(first)["effective_config"]["device"] == {"type": "gpu"}
    assert "gpu=true" in here.said(here.daemons[0])
    here.finish()


@pytest.mark.usefixtures("fake_gpus")
@pytest.mark.parametrize(("device", "reason"), [("gpu", "unsupported_model"), ("cpu", "user_requested_cpu")])
def test_a_model_without_gpu_code_never_reports_one(here: Arena, device: str, reason: str) -> None:
    here.daemon(2, 1)
    group = here.sweep(1, name="sk", device=device, family="logistic_regression", hyperparameters={})
    here.until_ended(group, "completed")
    run_id = here.jobs(group)[0]["run_id"]
    assert f"[RF:DEVICE=CPU gpu_reason={reason}]" in log_of(here, run_id)
    assert here.result(run_id)["effective_config"]["device"] == {"type": "cpu", "gpu_reason": reason}
    here.finish()


@pytest.mark.usefixtures("fake_gpus")
def test_hidden_gpus_are_not_there(here: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNFORGE_DISABLE_GPU", "1")
    here.daemon(2, 1)
    model = {"family": "command", "command": [sys.executable, "-c", SHOW], "hyperparameters": {}}
    group = here.sweep(1, name="hidden", device="gpu", **model)
    here.until_ended(group, "completed")
    log = log_of(here, here.jobs(group)[0]["run_id"])
    assert "[RF:DEVICE=CPU gpu_reason=no_gpu_detected]" in log
    assert any(line.startswith("SEES cpu") for line in log)
    here.finish()
