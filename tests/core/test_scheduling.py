"""The scheduler: fair, by priority inside a lane, and never starving a CPU job behind a GPU."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st

from runforge.core.scheduling import Capacity, Head, LaneHead, choose, waiting_reason


def lane(number: int, served: int, *, cpu: Head | None = None, gpu: Head | None = None, paused: bool = False):
    return LaneHead(number, served, paused, cpu, gpu)


def test_the_lane_that_waited_longest_is_served() -> None:
    lanes = [lane(1, 5, cpu=Head("a", 0, 1)), lane(2, 3, cpu=Head("b", 0, 2))]
    choice = choose(lanes, Capacity(1, 0))
    assert choice is not None
    assert choice.job_id == "b"


def test_inside_a_lane_priority_then_age() -> None:
    choice = choose([lane(1, 0, cpu=Head("old", 0, 1), gpu=Head("urgent", 5, 9))], Capacity(1, 1))
    assert choice is not None
    assert (choice.job_id, choice.requires_gpu) == ("urgent", True)


def test_a_gpu_job_without_slot_is_passed_over() -> None:
    lanes = [lane(1, 0, gpu=Head("gpu", 9, 1)), lane(2, 8, cpu=Head("cpu", 0, 2))]
    choice = choose(lanes, Capacity(1, 0))
    assert choice is not None
    assert choice.job_id == "cpu"


def test_nothing_starts_without_a_slot_or_in_a_paused_group() -> None:
    assert choose([lane(1, 0, cpu=Head("a", 0, 1))], Capacity(0, 5)) is None
    assert choose([lane(1, 0, cpu=Head("a", 0, 1), paused=True)], Capacity(1, 1)) is None


@settings(deadline=None, max_examples=80)
@given(st.lists(st.integers(1, 12), min_size=2, max_size=10))
def test_no_group_waits_for_more_than_one_start_of_each_other(sizes: list[int]) -> None:
    left = dict(enumerate(sizes))
    served = dict.fromkeys(left, 0)
    starts: list[int] = []
    while any(left.values()):
        lanes = [lane(g, served[g], cpu=Head(str(g), 0, g)) for g, n in left.items() if n]
        choice = choose(lanes, Capacity(1, 0))
        assert choice is not None
        starts.append(choice.lane_id)
        served[choice.lane_id] = len(starts)
        left[choice.lane_id] -= 1
    assert len(starts) == sum(sizes)
    for group, size in enumerate(sizes):
        places = [-1, *(i for i, g in enumerate(starts) if g == group)]
        assert len(places) == size + 1
        for before, after in itertools.pairwise(places):
            between = starts[before + 1 : after]
            assert all(between.count(other) <= 1 for other in left)


def test_why_a_job_waits() -> None:
    def reason(**facts: object) -> str:
        usual: dict[str, object] = {
            "daemon_live": True,
            "is_paused": False,
            "requires_gpu": False,
            "capacity": Capacity(1, 1),
        }
        return waiting_reason(**{**usual, **facts})  # type: ignore[arg-type]

    assert reason(is_paused=True) == "group_paused"
    assert reason(daemon_live=False) == "no_daemon"
    assert reason(capacity=Capacity(0, 1)) == "no_free_slot"
    assert reason(requires_gpu=True, capacity=Capacity(1, 0)) == "no_gpu_slot"
    assert reason() == "turn_of_others"
