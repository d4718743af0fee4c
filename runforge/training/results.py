"""The result.json of an attempt whose supervisor could not leave one. Every attempt that ends has a true one."""

from __future__ import annotations

import contextlib
from pathlib import Path

from runforge import clock
from runforge.attempts import spec as specs
from runforge.attempts.spec import Payload, SpecError
from runforge.core.outcome import Ending, ExitRecord
from runforge.core.records import Job
from runforge.core.states import State
from runforge.files.durable import is_folder, read_if_there
from runforge.training import outcome


def finish(attempt_dir: Path, run_dir: Path, record: ExitRecord) -> bool:
    """Leave the result of an attempt with an exit record.

    Its supervisor leaves one before the record. Only a disk that was full then, or a workspace that moved away,
    has kept it from that, and must not turn a run that succeeded into one without a result: while it cannot be
    written, OSError is raised. Returns whether there was a spec to go by.
    """
    data = read_if_there(attempt_dir / specs.NAME, specs.LIMIT)
    try:
        spec = specs.from_json(data or b"")
    except SpecError:
        return False
    # Where the folder is now: the workspace may have been moved while the run went on.
    outcome.finish(spec._replace(run_dir=run_dir), record)
    return True


def _payload(attempt_dir: Path) -> Payload | None:
    try:
        return specs.read(attempt_dir).payload
    except (OSError, SpecError):
        return None  # the attempt's folder is gone, or damaged: what it was to do is not known


def leave(attempt_dir: Path, run_dir: Path, job: Job, ending: Ending) -> None:
    """Leave the result of an attempt whose end nobody has seen."""
    if not is_folder(run_dir):
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
