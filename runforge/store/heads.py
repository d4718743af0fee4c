"""From the journal to what the scheduler chooses from: the lanes whose turn it is, and their next jobs."""

from __future__ import annotations

from runforge.core.scheduling import Head, LaneHead
from runforge.store.journal import Transaction


def first(tx: Transaction, *, with_gpu: bool, only: int | None = None) -> list[LaneHead]:
    """Return the first lane with work for a CPU and, with `with_gpu`, the first with work for a GPU.

    Each with the jobs that it would start next; `only` leaves out every other lane.
    """
    found: dict[tuple[int, int], list[Head | None]] = {}
    for lane_id, served, requires_gpu, *head in tx.rows("jobs.heads", gpu=with_gpu, only=only):
        found.setdefault((lane_id, served), [None, None])[requires_gpu] = Head(*head)
    return [LaneHead(lane_id, served, False, cpu, gpu) for (lane_id, served), (cpu, gpu) in found.items()]
