"""How much longer a run goes on, by what it says of its own progress: its log and its metrics.

The share that is done comes from the log. How its speed of late compares with that of the whole time comes from the
steps in metrics.jsonl, which have their times.
"""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

from runforge import clock
from runforge.core import durations
from runforge.files import tail
from runforge.metrics import jsonl
from runforge.metrics.progress import Progress, tail_progress
from runforge.named import NamedTuple

#: How much of the end of metrics.jsonl is read.
_TAIL = 128 * 1024


class Going(NamedTuple):
    """How far a run is, and how much longer it goes on; None is not known."""

    progress: Progress | None
    left: float | None


def going(run_dir: Path, started_at: str, now: str) -> Going:
    """Return how far a run is and how much longer it goes on, by what it says itself."""
    progress = tail_progress(run_dir)
    share = progress.share if progress is not None else None
    if share is None:
        return Going(progress, None)
    elapsed = clock.seconds_between(started_at, now)
    pace = durations.pace(_steps(run_dir / jsonl.NAME, started_at), elapsed)
    return Going(progress, durations.by_progress(share, elapsed, _silent(run_dir / "logs.txt"), pace))


def _silent(log: Path) -> float:
    """Return for how many seconds nothing was written into the log."""
    try:
        return max(0.0, time.time() - log.stat().st_mtime)
    except OSError:
        return 0.0


def _steps(path: Path, started_at: str) -> list[tuple[float, float]]:
    """Return the steps at the end of the metrics, each with its seconds since the start."""
    found: list[tuple[float, float]] = []
    for line in tail.lines(path, _TAIL).split(b"\n"):
        with contextlib.suppress(ValueError, TypeError, AttributeError, RecursionError):
            entry = json.loads(line)
            step = next((entry[key] for key in jsonl.STEPS if entry.get(key) is not None), None)
            if isinstance(step, (int, float)) and isinstance(entry.get("at"), str):
                found.append((clock.seconds_between(started_at, entry["at"]), float(step)))
    return found
