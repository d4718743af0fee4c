"""Ends what a pilot that was killed has left on its node.

    runforge.backends.slurm.pilot_fence FOLDER ATTEMPTS

The shell of its job runs it after the pilot.
"""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

from runforge.attempts.spec import SpecError
from runforge.backends.slurm import pilot_files
from runforge.supervise import fence


def main() -> None:
    """Do it for each attempt that the pilot was given last; what ended before has a record."""
    folder, attempts = map(Path, sys.argv[1:])
    for order in pilot_files.all_orders(folder):
        with contextlib.suppress(OSError, SpecError):
            fence.end_leftovers(attempts / order.run_id / str(order.attempt))
