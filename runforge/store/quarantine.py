"""Devices that get no new runs, because several runs in a row have failed on them as if by the device's fault."""

from __future__ import annotations

from runforge import light_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.core.records import Job
    from runforge.store.journal import Transaction

#: So many different runs in a row.
RUNS = 3
_LOOKED_AT = 50


def judge(tx: Transaction, job: Job, now: str) -> None:
    """Put the devices of a job aside on which the last attempts, of three different runs, have failed like this."""
    row = tx.row("attempts.devices", job_id=job.job_id, attempt=job.attempt)
    for device in light_json.loads(row["devices"]) if row is not None else ():
        count = _failed_in_a_row(tx, device)
        if count >= RUNS:
            put_aside(tx, device, f"{count} runs failed here", now)


def _failed_in_a_row(tx: Transaction, device: str) -> int:
    runs: set[str] = set()
    for row in tx.rows("attempts.last_on_device", device=device, limit=_LOOKED_AT):
        if not row["device_failed"]:
            break
        runs.add(row["run_id"])
    return len(runs)


def put_aside(tx: Transaction, device: str, reason: str, now: str) -> None:
    """Give a device no new runs until somebody releases it."""
    tx.run("attempts.quarantine", device=device, reason=reason, now=now)


def release(tx: Transaction, device: str) -> bool:
    """Give a device to runs again; return whether it was put aside. Earlier failures do not count any more."""
    tx.run("attempts.forgive_device", device=device)
    return tx.run("attempts.release_device", device=device) == 1
