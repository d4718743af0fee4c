"""Which devices a run gets: over all small worlds, none is overbooked and none is whole for two."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from runforge.core.devices import Device, Reservation, can_own, lease_mb, pick, pinned, reserve, why_not
from runforge.core.resources import Resources
from runforge.core.scheduling import Capacity, lacking_devices, place

#: Every device that can be, as far as the rules tell them apart.
WORLD = [
    Device("A", memory, in_use, leased, is_whole, foreign, foreign, is_known)
    for memory, (in_use, leased, is_whole), foreign, is_known in itertools.product(
        (0, 1000, 3000),
        ((0, 0, False), (1, 0, True), (1, 400, False), (2, 2200, False)),
        (0, 300, 301, 1500),
        (True, False),
    )
]
ASKED = (0, 100, 188, 189, 488, 489, 2000, 2488, 2489, 3000)


def cases() -> Iterator[tuple[Resources, Device, Device, bool]]:
    second = [Device("B", 3000), Device("B", 3000, 1, 1000), Device("B", 1000, 1, 0, is_whole=True)]
    for first, other, vram, gpus, is_crowded in itertools.product(
        WORLD, second, ASKED, (1, 2), (False, True)
    ):
        yield Resources(gpus=gpus, vram_mb=vram), first, other, is_crowded


def test_no_device_is_given_above_its_memory_or_whole_to_two() -> None:
    count = refused = 0
    for needs, first, second, is_crowded in cases():
        count += 1
        found = pick(needs, (first, second), is_crowded=is_crowded)
        if found is None:
            refused += 1
            continue
        assert len({device.uuid for device in found}) == needs.gpus
        for device in found:
            share = lease_mb(needs, device, is_crowded=is_crowded)
            if share is None:
                assert device.in_use == 0
                assert device.foreign_mb <= 300
                assert device.is_known or device.used_mb <= 300
                assert not device.memory_mb or device.memory_mb >= needs.vram_mb
            elif share:
                assert device.is_known
                assert not device.is_whole
                assert device.leased_mb + share + device.foreign_mb + 512 <= device.memory_mb
            else:
                assert is_crowded
                assert not needs.vram_mb
    assert count > 10_000
    assert count > refused > 1000


def test_a_run_waits_only_if_too_few_devices_have_room() -> None:
    """Counts the devices anew, in other words."""
    for needs, first, second, is_crowded in cases():
        if is_crowded:
            continue
        able = 0
        for device in (first, second):
            left = device.memory_mb - 512 - device.foreign_mb - device.leased_mb
            has_part = needs.vram_mb and device.is_known and not device.is_whole and left >= needs.vram_mb
            able += bool(has_part or can_own(device, needs.vram_mb))
        assert (pick(needs, (first, second)) is None) == (able < needs.gpus)


def test_the_fullest_device_that_has_room_is_shared() -> None:
    devices = (Device("empty", 8000), Device("some", 8000, 1, 2000), Device("full", 8000, 2, 6000))
    (found,) = pick(Resources(gpus=1, vram_mb=2000), devices) or ()
    assert found.uuid == "some"
    (found,) = pick(Resources(gpus=1, vram_mb=1000), devices) or ()
    assert found.uuid == "full"
    (found,) = pick(Resources(gpus=1), devices) or ()
    assert found.uuid == "empty"


def test_what_asks_for_nearly_all_of_a_device_has_it_whole() -> None:
    needs = Resources(gpus=1, vram_mb=7800)
    (found,) = pick(needs, (Device("A", 8000),)) or ()
    assert lease_mb(needs, found) is None
    assert pick(needs, (Device("A", 8000, 1, 10),)) is None


def test_a_run_with_pins_has_no_other_device() -> None:
    devices = (Device("A", 8000), Device("B", 8000), Device("C", 8000, 1, 0, is_whole=True))
    assert [d.uuid for d in pick(Resources(gpus=1, pins="B"), devices) or ()] == ["B"]
    assert pick(Resources(gpus=1, pins="C"), devices) is None
    assert pick(Resources(gpus=2, pins="B,C"), devices) is None
    assert [d.uuid for d in pinned(Resources(gpus=1, pins="A,B"), devices)] == ["A", "B"]


def test_a_device_to_avoid_is_taken_only_if_there_is_no_other() -> None:
    devices = (Device("A", 8000), Device("B", 8000))
    assert [d.uuid for d in pick(Resources(gpus=1), devices, avoid=("A",)) or ()] == ["B"]
    assert [d.uuid for d in pick(Resources(gpus=1), devices[:1], avoid=("A",)) or ()] == ["A"]


def test_a_device_that_another_queue_holds_is_not_free() -> None:
    held = Device("A", 8000, is_held=True)
    assert pick(Resources(gpus=1), (held,)) is None
    assert pick(Resources(gpus=1, vram_mb=100), (held,)) is None


def test_devices_are_kept_for_the_run_that_waits_and_for_no_other() -> None:
    big = Resources(gpus=2)
    devices = (Device("A", 8000), Device("B", 8000, 1, 100), Device("C", 8000, 3, 900))
    kept = reserve(big, devices)
    assert kept == {"A", "B"}
    assert reserve(big, devices, before={"B", "C"}) == {"B", "C"}  # it does not change its mind
    assert reserve(Resources(gpus=4), devices) == frozenset()
    capacity = Capacity(9, 9, devices, reservation=Reservation(big, kept))
    small, tiny = Resources(gpus=1), Resources(gpus=1, vram_mb=50)
    assert place(small, capacity) is None
    assert [d.uuid for d in place(tiny, capacity) or () if d] == ["C"]
    assert lacking_devices(small, capacity) == "reserved"
    free = capacity._replace(devices=(devices[0], Device("B", 8000), devices[2]))
    assert [d.uuid for d in place(big, free) or () if d] == ["A", "B"]


def test_gpu_slots_are_kept_where_there_are_no_devices() -> None:
    kept = Capacity(9, 2, None, reservation=Reservation(Resources(gpus=2)))
    assert place(Resources(gpus=1), kept) is None
    assert place(Resources(gpus=2), kept) == (None, None)
    assert place(Resources(), kept) == ()


@pytest.mark.parametrize(
    ("needs", "device", "why"),
    [
        (Resources(gpus=1), Device("A", 8000, 1, 0, is_whole=True), "gpus_busy"),
        (Resources(gpus=1), Device("A", 8000, foreign_mb=301, used_mb=301), "foreign"),
        (Resources(gpus=1), Device("A", 8000, used_mb=400, is_known=False), "foreign"),
        (Resources(gpus=1), Device("A", 8000, is_held=True), "foreign"),
        (Resources(gpus=1, vram_mb=3000), Device("A", 8000, foreign_mb=5000, used_mb=5000), "foreign"),
        (Resources(gpus=1, vram_mb=3000), Device("A", 8000, 1, 5000), "memory"),
    ],
)
def test_why_a_run_gets_no_device(needs: Resources, device: Device, why: str) -> None:
    assert pick(needs, (device,)) is None
    assert why_not(needs, (device,)) == why
