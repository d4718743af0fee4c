"""Which GPUs CUDA_VISIBLE_DEVICES leaves to a process, read as CUDA reads it."""

from __future__ import annotations

import pytest

from runforge.machine.gpu_share import ORDER, VISIBLE, own_gpus, share
from runforge.machine.gpus import Gpu, Gpus, Refused
from tests.machine.nvml import FakeNvml, uuid

FOUR = Gpus(tuple(Gpu(number, uuid(number), "a card", 81920) for number in range(4)))
SPLIT = Gpus(
    (Gpu(0, "MIG-aa11", "a part", 10), Gpu(0, "MIG-bb22", "a part", 10), Gpu(1, uuid(1), "a card", 80))
)
LOST = Gpus(FOUR.usable[:2], (Refused("GPU 2", "lost", 2),))


def left(visible: str, found: Gpus = FOUR) -> list[str]:
    return [gpu.uuid for gpu in share(found, {VISIBLE: visible}).usable]


@pytest.mark.parametrize(
    ("visible", "indices"),
    [
        ("0", [0]),
        ("2,3", [2, 3]),
        (" 3 , 1 ", [3, 1]),
        ("1,1", [1]),
        (uuid(3), [3]),
        ("GPU-00000002", [2]),
        (f"gpu-00000002,0,{uuid(1)}", [2, 0, 1]),
        ("0,-1,1", [0]),
        ("1,9,2", [1]),
        ("1,,2", [1]),
        ("0,GPU-0000000,2", [0]),  # may be any of them
        ("3,00000001", [3, 1]),  # a number, not a UUID
    ],
)
def test_the_devices_that_are_named_are_left(visible: str, indices: list[int]) -> None:
    assert left(visible) == [uuid(number) for number in indices]


@pytest.mark.parametrize("visible", ["", " ", "-1", "-1,0", "NoDevFiles", "none", "void"])
def test_words_for_none_leave_none_and_that_is_no_problem(visible: str) -> None:
    assert share(FOUR, {VISIBLE: visible}) == Gpus(absence=f"{VISIBLE} allows none")


@pytest.mark.parametrize("visible", ["7", "banana", "GPU-ffff", "MIG-aa11", "0x1", "²", "9" * 5000])
def test_a_name_of_nothing_is_a_problem_and_not_an_absence(visible: str) -> None:
    found = share(FOUR, {VISIBLE: visible})
    assert (found.usable, found.absence) == ((), None)
    assert found.problem is not None
    assert found.problem.endswith("names none of this machine's GPUs")


def test_what_is_left_out_after_a_wrong_name_is_told() -> None:
    (remark,) = share(FOUR, {VISIBLE: "1,9,2"}).remarks
    assert "'9' names no GPU here" in remark
    assert share(FOUR, {VISIBLE: "0,-1,1"}).remarks == ()


@pytest.mark.parametrize(
    ("visible", "uuids"), [("MIG-bb22", ["MIG-bb22"]), ("0", ["MIG-aa11", "MIG-bb22"]), ("MIG-b,1", ["MIG-bb22", uuid(1)])]
)  # fmt: skip
def test_parts_of_a_device_are_named_too(visible: str, uuids: list[str]) -> None:
    assert left(visible, SPLIT) == uuids


def test_a_device_that_does_not_answer_costs_itself_alone() -> None:
    assert left(f"2,{uuid(9)},1", LOST) == [uuid(1)]
    found = share(LOST, {VISIBLE: "2"})
    assert (found.usable, found.problem) == ((), "GPU 2 cannot be used: lost")
    assert share(LOST, {VISIBLE: "0,1"}).refused == ()


def test_without_the_variable_or_without_devices_it_says_nothing() -> None:
    assert share(FOUR, {}) is FOUR
    for found in (Gpus(absence="no driver"), Gpus(problem="broken")):
        assert share(found, {VISIBLE: "0"}) is found


def test_numbers_are_doubtful_where_devices_differ() -> None:
    mixed = Gpus((FOUR.usable[0], Gpu(1, uuid(1), "another card", 1)))
    (remark,) = share(mixed, {VISIBLE: "1"}).remarks
    assert ORDER in remark
    assert share(mixed, {VISIBLE: "1", ORDER: "PCI_BUS_ID"}).remarks == ()
    assert share(mixed, {VISIBLE: uuid(1)}).remarks == ()
    assert share(FOUR, {VISIBLE: "1"}).remarks == ()


def test_who_may_use_none_does_not_care_for_the_driver(
    nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch
) -> None:
    nvml.says(2, errors={"nvmlInit": "Unknown"})
    assert own_gpus().problem is not None
    monkeypatch.setenv(VISIBLE, "")
    assert own_gpus() == Gpus(absence=f"{VISIBLE} allows none")


def test_what_containers_are_given_is_not_read(nvml: FakeNvml, monkeypatch: pytest.MonkeyPatch) -> None:
    nvml.says(2)
    monkeypatch.setenv("NVIDIA_VISIBLE_DEVICES", "none")
    assert own_gpus().total == 2
