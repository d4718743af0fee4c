"""The breaker of a group: equal failures in a row pause it, in the transaction of the last one's end.

So a killed daemon cannot start one more. A success ends the row (`groups.settle`); a cancel, and what the machine did, neither ends
nor lengthens it.
"""

from __future__ import annotations

from runforge import failpoints
from runforge.core.guards import USUAL_BREAKER, words_of
from runforge.store import outbox

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.outcome import Ending
    from runforge.store.journal import Transaction


def after(tx: Transaction, group_id: str, ending: Ending, now: str) -> None:
    """Count how an attempt of the group ended; pause the group if that was one equal failure too many."""
    if ending.signature is None:
        return
    found = tx.row("groups.count_failure", group_id=group_id, signature=ending.signature)
    most = USUAL_BREAKER if found["breaker"] is None else found["breaker"]
    has_more = found["queued"] > 0 or found["is_open"]
    if not most or found["streak"] < most or found["is_paused"] or not has_more:
        return
    reason = f"{found['streak']} x {words_of(ending.signature)}"
    tx.run("groups.pause_for", group_id=group_id, paused_by="breaker", reason=reason, now=now)
    text = f"Group {found['name']} is paused by its breaker: {reason}"
    outbox.note(tx, "breaker", group_id=group_id, detail={"text": text, "reason": reason}, now=now)
    failpoints.hit("breaker.tripped")
