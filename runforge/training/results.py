"""The result.json of an attempt whose supervisor could not write one. Every ended attempt has a true one."""

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
    """Write the result of an attempt with an exit record.

    Its supervisor writes the result before the record. Only a full disk or a moved workspace can prevent
    that, and a succeeded run must not lose its result then. OSError is raised while it cannot be written.
    Returns whether there was a spec.
    """
    data = read_if_there(attempt_dir / specs.NAME, specs.LIMIT)
    try:
        spec = specs.from_json(data or b"")
    except SpecError:
        return False
    # The present path of the folder: the workspace may have been moved during the run.
    outcome.finish(spec._replace(run_dir=run_dir), record, is_durable=True)
    return True


def _payload(attempt_dir: Path) -> Payload | None:
    try:
        return specs.read(attempt_dir).payload
    except (OSError, SpecError):
        return None  # the attempt's folder is gone or damaged: it is not known what it should do


def leave(attempt_dir: Path, run_dir: Path, job: Job, ending: Ending) -> None:
    """Write the result of an attempt with an unknown end."""
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
