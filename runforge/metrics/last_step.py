"""The highest step that a run has reported: whether it gets on is seen by this."""

from __future__ import annotations

import math
from pathlib import Path

from runforge.metrics.last_values import RunValues

#: How much of the beginnings and ends of the files is read.
_LIMIT = 4 * 1024 * 1024


def of_run(run_dir: Path) -> float | None:
    """Return the highest last step of a run's metrics, whatever tool wrote them; None if it has reported none."""
    steps = RunValues(run_dir, _LIMIT).steps()
    return max((step for step in steps if math.isfinite(step) and step >= 0), default=None)
