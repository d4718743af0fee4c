"""The scheduler: fair, by priority inside a lane, never starving one need behind another, no device given twice."""

from __future__ import annotations

import itertools
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from runforge.core.devices import Device
from runforge.core.resources import Resources, checked, from_json
from runforge.core.scheduling import (
    Capacity,
    Head,
    Machine,
    can_ever,
    choose,
    place,
    why_never,
)
from runforge.core.waiting import waiting_reason
from runforge.daemon.capacity import Slots
from runforge.machine.gpu_world import Seen
from runforge.machine.gpus import Gpu, Gpus, Refused

GPU = Resources(gpus=1)
CPU = Resources()


def head(
    job_id: str, lane_id: int = 1, served: int = 0, *, needs: Resources = CPU, priority: int = 0, seq: int = 1
):
    return Head(lane_id, served, needs, job_id, priority, seq, seq)


def chosen(
    *heads: Head, slots: int = 1, gpu_slots: int = 0, devices: tuple[Device, ...] | None = None
) -> str | None:
    found = choose(heads, Capacity(slots, gpu_slots, devices))
    return found.job_id if found is not None else None


def test_the_lane_that_waited_longest_is_served() -> None:
    assert chosen(head("a", 1, 5), head("b", 2, 3, needs=GPU), gpu_slots=1) == "b"
    assert chosen(head("a", 1, 3), head("b", 2, 3, needs=GPU), gpu_slots=1) == "a"


def test_inside_a_lane_priority_then_place_then_age() -> None:
    assert chosen(head("old", seq=1), head("urgent", needs=GPU, priority=5, seq=9), gpu_slots=1) == "urgent"
    assert chosen(head("old", seq=1), head("new", needs=GPU, seq=9), gpu_slots=1) == "old"
    assert (
        chosen(head("old", seq=1), head("moved", needs=GPU, seq=9)._replace(place=0.5), gpu_slots=1)
        == "moved"
    )


def test_a_job_whose_devices_are_not_free_is_passed_over() -> None:
    assert chosen(head("gpu", needs=GPU, priority=9), head("cpu", 2, 8)) == "cpu"
    two = head("two", needs=Resources(gpus=2))
    assert chosen(two, head("one", 2, 8, needs=GPU), gpu_slots=1) == "one"
    assert chosen(two, gpu_slots=2) == "two"
    assert chosen(two, gpu_slots=2, devices=(Device("A", 10),)) is None


def test_nothing_starts_without_a_slot() -> None:
    assert chosen(head("a"), slots=0, gpu_slots=5) is None
    assert chosen() is None


def test_memory_decides_which_device_it_is() -> None:
    devices = (Device("small", 1000), Device("large", 4000, in_use=3))
    needs = Resources(gpus=1, vram_mb=2000)
    assert place(needs, Capacity(1, 1, devices)) == (devices[1],)
    assert place(GPU, Capacity(1, 1, devices)) == (devices[0],)
    assert place(needs._replace(vram_mb=5000), Capacity(1, 1, devices)) is None
    assert place(needs._replace(gpus=2), Capacity(2, 2, devices)) is None


def test_without_devices_a_gpu_slot_is_still_a_slot() -> None:
    assert place(GPU, Capacity(1, 1)) == (None,)
    assert place(GPU, Capacity(1, 0)) is None


@settings(deadline=None, max_examples=80)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=10))
def test_no_group_waits_for_more_than_one_start_of_each_other(sizes: list[int]) -> None:
    left = dict(enumerate(sizes))
    served = dict.fromkeys(left, 0)
    starts: list[int] = []
    while any(left.values()):
        found = choose([head(str(g), g, served[g], seq=g) for g, n in left.items() if n], Capacity(1, 0))
        assert found is not None
        starts.append(found.lane_id)
        served[found.lane_id] = len(starts)
        left[found.lane_id] -= 1
    assert len(starts) == sum(sizes)
    for group, size in enumerate(sizes):
        places = [-1, *(i for i, g in enumerate(starts) if g == group)]
        assert len(places) == size + 1
        for before, after in itertools.pairwise(places):
            between = starts[before + 1 : after]
            assert all(between.count(other) <= 1 for other in left)


needs_of_some = st.builds(
    Resources,
    cpus=st.integers(1, 64),
    gpus=st.integers(0, 3),
    vram_mb=st.sampled_from((0, 500, 2000)),
    mem_mb=st.sampled_from((0, 64_000)),
    pins=st.just(""),
).map(lambda needs: needs if needs.gpus else needs._replace(vram_mb=0))


@settings(deadline=None, max_examples=200)
@example(gpu_slots=2, memories=[1000], steps=[Resources(gpus=1, vram_mb=500), Resources(gpus=1)])
@given(
    gpu_slots=st.integers(0, 5),
    memories=st.lists(st.sampled_from((1000, 3000)), max_size=3),
    steps=st.lists(st.one_of(needs_of_some, st.integers(0, 9)), max_size=25),
)
def test_devices_are_given_whole_or_shared_and_never_more_than_the_slots(
    gpu_slots: int, memories: list[int], steps: list[Resources | int]
) -> None:
    """A step starts a run, or ends one."""
    gpus = [Gpu(number, f"GPU-{number}", "x", memory) for number, memory in enumerate(memories)]
    slots = Slots(4, gpu_slots, Gpus(tuple(gpus)))
    running: list[tuple[int, tuple, int]] = []
    for step in steps:
        slots.load(
            [{"slot_no": slot} for slot, _, _ in running],
            [_row(each, asked) for _, grants, asked in running for each in grants],
        )
        if isinstance(step, int):
            running = [run for number, run in enumerate(running) if number != step]
            continue
        found = place(step, slots.capacity)
        used = [each for _, grants, _ in running for each in grants]
        if found is None:
            assert _is_without_room(step, len(running), used, gpu_slots, gpus)
            continue
        granted = slots.grants(step, found)
        running.append((slots.first_free(), granted, step.vram_mb))
        assert len(granted) == step.gpus
        assert all(device is None or device.memory_mb >= step.vram_mb for device in found)
        used += granted
        assert len({each.slot for each in used}) == len(used) <= gpu_slots
        assert len({slot for slot, _, _ in running}) == len(running) <= 4
        times = Counter(each.device for each in used if each.device is not None)
        assert all(times[each.device] == 1 for each in used if each.is_whole and each.device)
        assert all(each.device is not None or not gpus for each in granted)
        assert len({each.device for each in granted if gpus}) == (len(granted) if gpus else 0)
        for gpu in gpus:
            assert sum(each.share_mb for each in used if each.device == gpu.uuid) <= gpu.memory_mb - 512


def test_what_the_driver_keeps_of_a_device_is_not_leased() -> None:
    seen = Seen("GPU-0", total_mb=9_000, used_mb=0, ours_mb=0, foreign_mb=0, is_known=True)
    slots = Slots(4, None, Gpus((Gpu(0, "GPU-0", "x", 10_000),), seen=(seen,)))
    (device,) = slots.devices
    assert device.room_mb == 9_000 - 512
    assert place(Resources(gpus=1, vram_mb=9_000), slots.capacity) == (device,)  # it has the device whole
    (grant,) = slots.grants(Resources(gpus=1, vram_mb=9_000), [device])
    assert grant.is_whole


def _row(grant, asked: int) -> dict[str, object]:
    share = None if grant.is_whole else grant.share_mb
    return {
        "slot_no": grant.slot,
        "device": grant.device,
        "share_mb": share,
        "job_id": "x",
        "asked_mb": asked,
    }


def test_broken_devices_leave_no_gpu_slot_and_all_others() -> None:
    slots = Slots(4, 2, Gpus(problem="the driver does not work"))
    assert place(GPU, slots.capacity) is None
    assert place(CPU, slots.capacity) == ()
    slots.gpus = Gpus(absence="no driver")
    assert place(GPU, slots.capacity) == (None,)


def test_the_devices_that_are_left_do_not_bear_the_runs_of_a_lost_one() -> None:
    slots = Slots(4, 2, Gpus((Gpu(0, "GPU-0", "x", 1),), (Refused("GPU 1", "lost", 1),)))
    assert place(GPU, slots.capacity) == (Device("GPU-0", 1),)
    slots.load(
        [{"slot_no": 0}], [{"slot_no": 0, "device": "GPU-0", "share_mb": None, "job_id": "x", "asked_mb": 0}]
    )
    assert place(GPU, slots.capacity) is None


def _is_without_room(needs: Resources, running: int, used: list, gpu_slots: int, gpus: list[Gpu]) -> bool:
    """Count anew, in other words, whether a run has to wait."""
    if running >= 4 or len(used) + needs.gpus > gpu_slots:
        return True
    able = 0
    for gpu in gpus:
        here = [each for each in used if each.device == gpu.uuid]
        leased = sum(each.share_mb for each in here)
        has_part = (
            not any(each.is_whole for each in here) and gpu.memory_mb - 512 - leased >= needs.vram_mb > 0
        )
        is_empty = not here and gpu.memory_mb >= needs.vram_mb
        is_crowded = gpu_slots > len(gpus) and not needs.vram_mb and not any(each.is_whole for each in here)
        able += has_part or is_empty or is_crowded
    return bool(gpus) and able < needs.gpus


def test_why_a_job_waits() -> None:
    def reason(**facts: object) -> str:
        usual: dict[str, object] = {
            "daemon_live": True,
            "is_paused": False,
            "needs": CPU,
            "capacity": Capacity(1, 1),
        }
        return waiting_reason(**{**usual, **facts})  # type: ignore[arg-type]

    assert reason(is_paused=True) == "group_paused"
    assert reason(daemon_live=False) == "no_daemon"
    assert reason(capacity=Capacity(0, 1)) == "no_free_slot"
    assert reason(needs=GPU, capacity=Capacity(1, 0)) == "no_gpu_slot"
    assert reason() == "turn_of_others"
    big = Resources(cpus=4, mem_mb=1000)
    assert reason(needs=big, capacity=Capacity(1, 1, cpus=3)) == "no_cpus"
    assert reason(needs=big, capacity=Capacity(1, 1, cpus=4, mem_mb=999)) == "no_memory"
    assert reason(is_at_limit=True) == "group_limit"
    assert reason(is_delayed=True, is_at_limit=True) == "not_before"
    assert reason(blockers=2, is_delayed=True) == "dependency"
    assert reason(is_held=True, blockers=2, daemon_live=False, is_paused=True) == "held"


def test_processors_and_memory_are_counted_for_runs_that_ask_for_them() -> None:
    slots = Slots(9, 0, Gpus(), Machine(cpus=8, mem_mb=4000))
    running = [Resources(), Resources(cpus=5), Resources(mem_mb=3000)]
    slots.load([{"slot_no": number} for number in range(3)], [], [needs._asdict() for needs in running])
    assert (slots.capacity.cpus, slots.capacity.mem_mb) == (3, 1000)
    for needs, fits in (
        (Resources(), True),
        (Resources(cpus=3, mem_mb=1000), True),
        (Resources(cpus=4), False),
        (Resources(mem_mb=1001), False),
    ):
        assert (place(needs, slots.capacity) is not None) == fits
    slots.load([], [], [{"cpus": 99, "mem_mb": 9999}])  # queued when the machine was larger
    assert (slots.capacity.cpus, slots.capacity.mem_mb) == (0, 0)
    assert place(Resources(), slots.capacity) == ()


@pytest.mark.parametrize(
    ("needs", "why"),
    [
        (Resources(cpus=9), "it asks for 9 CPUs, and this machine has 8"),
        (Resources(mem_mb=5000), "it asks for 5000 MB of memory, and this machine has 4000 MB"),
        (Resources(gpus=3), "it asks for 3 GPUs, and this machine has 2"),
        (
            Resources(gpus=2, vram_mb=50),
            "it asks for 2 GPUs with 50 MB each, and this machine has 1 of these",
        ),
        (Resources(cpus=8, mem_mb=4000, gpus=1, vram_mb=50), None),
    ],
)
def test_what_is_larger_than_the_machine_can_never_start(needs: Resources, why: str | None) -> None:
    machine = Machine(8, 4000, (10, 80))
    assert why_never(needs, machine) == why
    assert can_ever(needs, machine) == (why is None)
    assert can_ever(needs, Machine())  # nothing is known


@given(needs_of_some)
def test_needs_go_to_json_and_back(needs: Resources) -> None:
    assert from_json(needs.to_json()) == needs
    assert needs.requires_gpu == (needs.gpus > 0)


def test_needs_as_older_journals_and_requests_tell_them() -> None:
    assert from_json({"run_id": "x", "requires_gpu": 1}) == GPU
    assert from_json({"requires_gpu": 0}) == CPU
    assert from_json({"gpus": 2}) == Resources(gpus=2)


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        (Resources(cpus=0), "cpus is 0, not a whole number from 1"),
        (Resources(gpus=-1), "gpus is -1"),
        (Resources(gpus=True), "gpus is True"),
        (Resources(mem_mb=1.5), "mem_mb is 1.5"),  # type: ignore[arg-type]
        (Resources(vram_mb=5), "no device is asked for"),
    ],
)
def test_needs_that_make_no_sense_are_refused(needs: Resources, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        checked(needs)
