"""Gives quarantined GPUs back to the runs."""

from __future__ import annotations

from collections.abc import Sequence

from runforge.errors import Missing, OperationFailed
from runforge.queue.change import change
from runforge.store import quarantine
from runforge.store.opening import open_snapshot, require_journal
from runforge.workspace import Workspace


def release(workspace: Workspace, text: str, meant: Sequence[str]) -> str:
    """Let runs start again on a quarantined device; return its UUID.

    `meant` are the devices that the text means now. One that is not there any more is known by its UUID.
    """
    require_journal(workspace)
    with open_snapshot(workspace) as journal, journal.read() as tx:
        quarantined: list[str] = [row["device"] for row in tx.rows("attempts.quarantined")]
    known = [device for device in quarantined if text and device.lower().startswith(text.lower())]
    found = list(dict.fromkeys([*meant, *known]))
    if not found:
        raise Missing(f"no GPU is called {text!r}", fix="Give a number or a UUID of `runforge gpus`")
    if len(found) > 1:
        raise OperationFailed(f"{text!r} names {len(found)} GPUs", fix="Give more of the UUID")
    if found[0] not in quarantined:
        raise OperationFailed(f"GPU {text} is not quarantined", fix="`runforge gpus` shows which are")
    with change(workspace) as tx:
        quarantine.release(tx, found[0])
    return found[0]
