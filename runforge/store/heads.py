"""Reads what the scheduler chooses from: for each need, the lane whose turn it is and its next job."""

from __future__ import annotations

from runforge.core.resources import Resources
from runforge.core.scheduling import Head
from runforge.store.journal import Transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def first(tx: Transaction, *, only: int | None = None) -> list[Head]:
    """Return the heads, one for each need of a ready job; with `only`, of that lane alone."""
    rows = tx.rows("jobs.heads") if only is None else tx.rows("jobs.heads_of_lane", lane_id=only)
    return [_head(*row) for row in rows]


def _head(lane_id: int, last_served: int, *rest: Any) -> Head:
    size = len(Resources._fields)
    return Head(lane_id, last_served, Resources._make(rest[:size]), *rest[size:])
