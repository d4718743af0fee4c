"""The highest step that a run has reported: whether it gets on is seen by this."""

from __future__ import annotations

import math
from pathlib import Path

from runforge.metrics import jsonl

#: How much of the file's beginning and end is read.
_LIMIT = 1024 * 1024


def of_run(run_dir: Path) -> float | None:
    """Return the highest step in a run's metrics; None if it has reported none."""
    points = jsonl.read_last(run_dir / jsonl.NAME, _LIMIT).points.values()
    steps = [point.step for point in points if point.step is not None]
    return max((step for step in steps if math.isfinite(step) and step >= 0), default=None)
