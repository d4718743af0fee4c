"""What doctor says of GPUs whose users cannot be known, and of locks that protect nothing."""

from __future__ import annotations

import os

import pytest

from runforge.cli import doctor
from runforge.machine import gpu_lease
from runforge.workspace import Workspace
from tests.machine.nvml import FakeNvml, uuid

NOBODY = 2**22 + 1


def warnings(ws: Workspace) -> list[str]:
    return [found.text for found in doctor._gpus(ws) if found.status == "warning"]


def test_a_quiet_machine_has_no_warnings(nvml: FakeNvml, ws: Workspace) -> None:
    nvml.says([{"processes": [{"pid": os.getpid(), "memory": 2**30}]}, {}])
    assert warnings(ws) == []


@pytest.mark.parametrize(
    "device",
    [
        {"processes": [{"pid": NOBODY, "memory": 2**30}]},
        {"used": 2**30},
        {"errors": {"nvmlDeviceGetComputeRunningProcesses": "NotSupported"}},
    ],
)
def test_a_container_is_told(nvml: FakeNvml, ws: Workspace, device: dict[str, object]) -> None:
    nvml.says([device])
    (said,) = warnings(ws)
    assert "memory alone decides" in said


def test_a_device_that_hides_its_users_is_told(nvml: FakeNvml, ws: Workspace) -> None:
    nvml.says([{"errors": {"nvmlDeviceGetComputeRunningProcesses": "NoPermission"}}, {}])
    assert warnings(ws) == ["GPU 0: it is not certain whose memory is on it; runs do not share it"]


def test_a_lock_that_protects_nothing_is_told(nvml: FakeNvml, ws: Workspace) -> None:
    nvml.says(1)
    gpu_lease.path_of(uuid(0)).symlink_to("/etc/passwd")
    (said,) = warnings(ws)
    assert said.startswith(f"GPU 0: {gpu_lease.path_of(uuid(0))} cannot be locked")
