"""The one reader of NVML: what it refuses for one device costs that device, and broken is not absent."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from runforge.machine.gpus import HIDE, Gpu, Gpus, read_all
from runforge.machine.load import read_machine
from runforge.workspace import Workspace
from tests.machine.nvml import FakeNvml, uuid


def read() -> Gpus:
    return read_all(lambda *_: None)[0]


def indices(found: Gpus) -> list[int]:
    return [gpu.index for gpu in found.usable]


def test_each_device_is_read(nvml: FakeNvml) -> None:
    nvml.says(2)
    assert read() == Gpus((Gpu(0, uuid(0), "Fake H200", 81920), Gpu(1, uuid(1), "Fake H200", 81920)))


@pytest.mark.parametrize("call", ["HandleByIndex", "UUID", "MemoryInfo"])
@pytest.mark.parametrize("error", ["GpuIsLost", "Unknown"])
def test_a_device_that_does_not_answer_costs_itself_alone(nvml: FakeNvml, call: str, error: str) -> None:
    nvml.says([{}, {"errors": {f"nvmlDeviceGet{call}": error}}, {}])
    found = read()
    assert indices(found) == [0, 2]
    assert [str(each) for each in found.refused] == [f"GPU 1 cannot be used: {error} by nvmlDeviceGet{call}"]
    assert found.problem is None
    assert found.total == 3


@pytest.mark.parametrize("error", ["NotSupported", "NoPermission"])
def test_a_device_that_only_does_not_tell_something_is_used(nvml: FakeNvml, error: str) -> None:
    nvml.says([{"errors": dict.fromkeys(("nvmlDeviceGetMemoryInfo", "nvmlDeviceGetName"), error)}, {}])
    assert read().usable[0] == Gpu(0, uuid(0), "GPU 0", 0)
    assert indices(read()) == [0, 1]


@pytest.mark.parametrize("memory", [None, 0, "N/A"])
def test_memory_that_is_no_number_is_unknown(nvml: FakeNvml, memory: Any) -> None:
    nvml.says([{"memory": memory}])
    assert read().usable == (Gpu(0, uuid(0), "Fake H200", 0),)


@pytest.mark.parametrize("error", ["DriverNotLoaded", "LibraryNotFound"])
def test_no_driver_is_no_problem(nvml: FakeNvml, error: str) -> None:
    nvml.says(2, errors={"nvmlInit": error})
    assert read() == Gpus(absence=f"{error} by nvmlInit")


@pytest.mark.parametrize("call", ["nvmlInit", "nvmlDeviceGetCount"])
@pytest.mark.parametrize("error", ["LibRmVersionMismatch", "Unknown", "NoPermission"])
def test_a_driver_that_does_not_work_is_a_problem(nvml: FakeNvml, call: str, error: str) -> None:
    nvml.says(2, errors={call: error})
    assert read() == Gpus(problem=f"NVIDIA's driver does not work: {error} by {call}")


def test_a_machine_on_which_no_device_answers_is_not_one_without_devices(nvml: FakeNvml) -> None:
    nvml.says([{"errors": {"nvmlDeviceGetHandleByIndex": "GpuIsLost"}}])
    assert read().problem == "GPU 0 cannot be used: GpuIsLost by nvmlDeviceGetHandleByIndex"
    nvml.says(0)
    assert read() == Gpus(absence="NVIDIA's driver knows none")


def test_a_shutdown_that_fails_changes_nothing(nvml: FakeNvml) -> None:
    nvml.says(2, errors={"nvmlShutdown": "Unknown"})
    assert indices(read()) == [0, 1]


def test_the_instances_of_a_split_device_stand_in_its_place(nvml: FakeNvml) -> None:
    nvml.says([{"mig": [{"uuid": "MIG-a"}, {"uuid": "MIG-b", "memory": 10 * 2**30}]}, {}, {"mig": []}])
    found = read()
    assert [(gpu.index, gpu.uuid) for gpu in found.usable] == [(0, "MIG-a"), (0, "MIG-b"), (1, uuid(1))]
    assert [str(each) for each in found.refused] == [
        "GPU 2 cannot be used: MIG is on, and it has no instance"
    ]


def test_hidden_devices_are_absent_whatever_the_driver_does(
    nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml.says(2, errors={"nvmlInit": "Unknown"})
    monkeypatch.setenv(HIDE, "1")
    assert read() == Gpus(absence=f"{HIDE} hides them")


@pytest.mark.usefixtures("nvml")
def test_without_nvidias_package_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    assert read() == Gpus(absence="nvidia-ml-py is not installed")


def test_the_machines_screen_has_the_same_reader(nvml: FakeNvml, ws: Workspace) -> None:
    quiet = dict.fromkeys(
        ("PowerUsage", "Temperature", "MemoryInfo", "ComputeRunningProcesses"), "NotSupported"
    )
    nvml.says([
        {"errors": {f"nvmlDeviceGet{call}": error for call, error in quiet.items()}},
        {"errors": {"nvmlDeviceGetUUID": "GpuIsLost"}},
        {},
    ])  # fmt: skip
    machine = read_machine(ws)
    told = [(g.index, g.memory_used, g.memory_total, g.temperature, g.power) for g in machine.gpus]
    assert told == [(0, None, None, None, None), (2, 0, 80 * 2**30, 60, 500.0)]
    assert machine.gpu_problem == "GPU 1 cannot be used: GpuIsLost by nvmlDeviceGetUUID"
    nvml.says(1, errors={"nvmlInit": "LibRmVersionMismatch"})
    machine = read_machine(ws)
    assert (machine.gpus, machine.gpu_absence) == ([], None)
    assert machine.gpu_problem == "NVIDIA's driver does not work: LibRmVersionMismatch by nvmlInit"
    nvml.says(1, errors={"nvmlInit": "DriverNotLoaded"})
    assert read_machine(ws).gpu_problem is None
