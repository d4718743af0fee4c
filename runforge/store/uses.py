"""What attempts used: the rows of `resources`."""

from __future__ import annotations

from runforge import light_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from runforge.core.records import Job
    from runforge.core.used import Used
    from runforge.store.transaction import Transaction


#: The columns of an attempt of which nothing is known.
_UNKNOWN = dict.fromkeys(("peak_vram", "gpu_use", "gpu_seconds", "peak_rss_mb", "cpu_seconds", "watched"))


def columns(used: Used | None) -> dict[str, Any]:
    """Return the columns of what an attempt used."""
    return _UNKNOWN if used is None else {**used._asdict(), "peak_vram": light_json.dumps(used.peak_vram)}


def of_job(tx: Transaction, job_id: str) -> dict[int, Used]:
    """Return what is known of each attempt of a job."""
    return {row["attempt"]: _used(row) for row in tx.rows("attempts.uses_of_job", job_id=job_id)}


def of_attempt(tx: Transaction, job: Job) -> Used | None:
    """Return what is known of a job's last attempt."""
    row = tx.row("attempts.use_of_attempt", job_id=job.job_id, attempt=job.attempt)
    return None if row is None else _used(row)


def _used(row: Any) -> Used:
    from runforge.core.used import Used

    plain = Used._make(row[name] for name in Used._fields)
    return plain._replace(peak_vram=light_json.loads(row["peak_vram"]))
