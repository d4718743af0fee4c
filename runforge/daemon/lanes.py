"""From the journal to what the scheduler chooses from: the lanes whose turn it is, and their next jobs."""

from __future__ import annotations

from runforge.scheduling import Head, LaneHead
from runforge.store.connection import Transaction


def first(tx: Transaction, *, with_gpu: bool, only: int | None = None) -> list[LaneHead]:
    """Return the first lane with work for a CPU and, with `with_gpu`, the first with work for a GPU.

    Each with the jobs that it would start next; `only` leaves out every other lane.
    """
    found: dict[int, LaneHead] = {}
    for lane_id, served, requires_gpu, *head in tx.rows("jobs.heads", gpu=with_gpu, only=only):
        lane = found.get(lane_id) or LaneHead(lane_id, served, False, None, None)
        next_job = Head(*head)
        found[lane_id] = lane._replace(gpu=next_job) if requires_gpu else lane._replace(cpu=next_job)
    return list(found.values())
