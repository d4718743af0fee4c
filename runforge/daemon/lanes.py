"""From the journal to what the scheduler chooses from: a lane and its next jobs."""

from __future__ import annotations

from typing import Any

from runforge.scheduling import Head, LaneHead
from runforge.store.connection import Transaction


def lane(tx: Transaction, row: Any) -> LaneHead:
    """Return a lane with the jobs that it would start next."""
    return LaneHead(
        lane_id=row["lane_id"],
        served=row["served"],
        is_paused=bool(row["is_paused"]),
        cpu=_head(tx, row["lane_id"], 0),
        gpu=_head(tx, row["lane_id"], 1),
    )


def _head(tx: Transaction, lane_id: int, requires_gpu: int) -> Head | None:
    row = tx.row("jobs.head", lane_id=lane_id, requires_gpu=requires_gpu)
    return Head(row["job_id"], row["priority"], row["seq"]) if row is not None else None
