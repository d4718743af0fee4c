"""Ends what a supervisor that was killed has left on its node.

    runforge.supervise.fence SPEC

The shell of a cluster's job runs it after the supervisor. Nothing else would: the daemon is on another machine, and a
cluster without cgroups loses sight of what leaves its job.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from runforge.attempts import cleanup, exit_record, start_marker
from runforge.attempts import spec as specs
from runforge.attempts.spec import SpecError
from runforge.machine import os_process


def end_leftovers(attempt_dir: Path) -> bool:
    """End what is left of an attempt without a record that was started here; False if something stays."""
    spec = specs.read(attempt_dir)
    owner = start_marker.read(attempt_dir)
    # What a daemon has closed was never started; the process that closed it is no session of the run's.
    is_started = owner is not None and owner.kind == start_marker.STARTED and owner.token == spec.token
    is_here = is_started and owner is not None and owner.boot_id == os_process.boot_id()
    if owner is None or not is_here or exit_record.read(attempt_dir, spec.token) is not None:
        return True
    return not cleanup.clean_up(spec.token, attempt_dir, owner.pid).left


def main() -> None:
    """Do it once; what cannot be read is nothing that was started here."""
    with contextlib.suppress(OSError, SpecError):
        end_leftovers(Path(sys.argv[1]).parent)
