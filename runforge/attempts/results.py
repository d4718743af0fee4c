"""The result.json of an attempt whose supervisor could not leave one. Every attempt that ends has a true one."""

from __future__ import annotations

import contextlib
import errno
import json
from pathlib import Path
from typing import Any

from runforge import clock, machine_faults
from runforge.core.outcome import Ending, ExitRecord
from runforge.core.records import Job
from runforge.core.states import State
from runforge.files.durable import read_bounded
from runforge.training import outcome

_SPEC_LIMIT = 16 * 1024 * 1024


def finish(attempt_dir: Path, run_dir: Path, record: ExitRecord) -> bool:
    """Leave the result of an attempt with an exit record; False while the disk has no room for one.

    Its supervisor leaves one before the record. Only a disk that was full then, or a workspace that moved away,
    has kept it from that, and must not turn a run that succeeded into one without a result.
    """
    try:
        spec = json.loads(read_bounded(attempt_dir / "spec.json", _SPEC_LIMIT))
        # Where the folder is now: the workspace may have been moved while the run went on.
        outcome.finish({**spec, "run_dir": str(run_dir)}, record._asdict())
    except OSError as error:
        return machine_faults.of(error) in {None, errno.EIO}
    except (ValueError, LookupError, TypeError):
        return True  # no spec to go by: the ending is told without a result
    return True


def _payload(attempt_dir: Path) -> dict[str, Any] | None:
    try:
        payload = json.loads(read_bounded(attempt_dir / "spec.json", _SPEC_LIMIT))["payload"]
    except (OSError, ValueError, LookupError, TypeError):
        return None  # the attempt's folder is gone, or damaged: what it was to do is not known
    return payload if isinstance(payload, dict) else None


def leave(attempt_dir: Path, run_dir: Path, job: Job, ending: Ending) -> None:
    """Leave the result of an attempt whose end nobody has seen."""
    if not run_dir.is_dir():
        return
    status = "cancelled" if ending.state is State.CANCELED else "failed"
    now = clock.now()
    started = job.started_at or now
    with contextlib.suppress(OSError):
        outcome.write_lost(
            run_dir,
            _payload(attempt_dir),
            status=status,
            error_type=ending.cause.value,
            message=ending.error or "",
            started_at=started,
            finished_at=now,
            duration_ms=int(clock.seconds_between(started, now) * 1000),
        )
