"""Notices to be sent: each is written by the transaction of its event, so that none is lost and none is invented.

A child process of the daemon sends them. What cannot be sent stays here.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from runforge import clock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runforge.store.journal import Transaction


def note(
    tx: Transaction,
    event: str,
    job_id: str | None = None,
    group_id: str | None = None,
    detail: Mapping[str, Any] | None = None,
    *,
    now: str | None = None,
) -> None:
    """Put a notice into the outbox."""
    tx.run(
        "outbox.note",
        event=event,
        job_id=job_id,
        group_id=group_id,
        detail=json.dumps(detail or {}),
        now=now or clock.now(),
    )
