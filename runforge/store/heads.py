"""Reads what the scheduler chooses from: for each need, the lane whose turn it is and its next job."""

from __future__ import annotations

from runforge.core.scheduling import Head
from runforge.store import records
from runforge.store.journal import Transaction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def first(tx: Transaction, *, only: int | None = None) -> list[Head]:
    """Return the heads, one for each need of a ready job; with `only`, of that lane alone."""
    return list(with_rows(tx, only=only))


def with_rows(tx: Transaction, *, only: int | None = None) -> dict[Head, Any]:
    """Return the heads, each with the row of its job."""
    rows = tx.rows("jobs.heads") if only is None else tx.rows("jobs.heads_of_lane", lane_id=only)
    return {_head(row): row for row in rows}


def _head(row: Any) -> Head:
    return Head(
        row["lane_id"],
        row["served"],
        records.needs(row),
        row["job_id"],
        row["priority"],
        row["place"],
        row["seq"],
    )
