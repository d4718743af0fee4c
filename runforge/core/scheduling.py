"""Which job starts next. Pure: a snapshot in, a decision out; no clock, no journal.

Round-robin over lanes by least recently served, so that none starves however many there are; inside
a lane priority, then age. A GPU job that finds no GPU slot is passed over, and CPU jobs go on.
"""

from collections.abc import Iterable
from typing import NamedTuple


class Head(NamedTuple):
    """The job of a lane that is next, of those that need a GPU or of those that do not."""

    job_id: str
    priority: int
    seq: int


class LaneHead(NamedTuple):
    """A lane with work: when it was served last and what it would start."""

    lane_id: int
    served: int
    is_paused: bool
    cpu: Head | None
    gpu: Head | None


class Capacity(NamedTuple):
    """How many slots are free. A GPU job needs one of each kind."""

    cpu_free: int
    gpu_free: int


class Choice(NamedTuple):
    """The decision: start this job of this lane."""

    lane_id: int
    job_id: str
    requires_gpu: bool


def choose(lanes: Iterable[LaneHead], capacity: Capacity) -> Choice | None:
    """Return what to start next, or None if nothing can start."""
    if capacity.cpu_free <= 0:
        return None
    for lane in sorted(lanes, key=lambda lane: (lane.served, lane.lane_id)):
        choice = _first(lane, capacity)
        if choice is not None:
            return choice
    return None


def _first(lane: LaneHead, capacity: Capacity) -> Choice | None:
    if lane.is_paused:
        return None
    heads = [(lane.cpu, False), (lane.gpu if capacity.gpu_free > 0 else None, True)]
    able = [(head, requires_gpu) for head, requires_gpu in heads if head is not None]
    if not able:
        return None
    head, requires_gpu = min(able, key=lambda pair: (-pair[0].priority, pair[0].seq))
    return Choice(lane.lane_id, head.job_id, requires_gpu)


def waiting_reason(*, daemon_live: bool, is_paused: bool, requires_gpu: bool, capacity: Capacity) -> str:
    """Return why a queued job is not running."""
    if is_paused:
        return "group_paused"
    if not daemon_live:
        return "no_daemon"
    if capacity.cpu_free <= 0:
        return "no_free_slot"
    if requires_gpu and capacity.gpu_free <= 0:
        return "no_gpu_slot"
    return "turn_of_others"
