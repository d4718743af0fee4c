"""The signs of life of an attempt: what it has written, and how much processor time its processes have used."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from runforge.attempts import start_marker
from runforge.core.guards import Signs
from runforge.machine import os_process, process_tree
from runforge.metrics import jsonl
from runforge.metrics.opening import path_of
from runforge.metrics.sources import listed


def read(attempt_dir: Path, run_dir: Path) -> Signs | None:
    """Return what can be seen now; None if it has no supervisor here. OSError if that cannot be read now."""
    owner = start_marker.read(attempt_dir)
    if owner is None or owner.boot_id != os_process.boot_id():
        return None
    if os_process.start_ticks(owner.pid) != owner.start_ticks:
        return None
    return Signs(sum(_changes(run_dir)), process_tree.cpu_seconds_below(owner.pid))


def _changes(run_dir: Path) -> Iterator[int]:
    """Yield numbers that change when one of the run's files does."""
    sources = [path_of(run_dir, source) for source in listed.read(run_dir).files]
    for path in {run_dir / "logs.txt", run_dir / jsonl.NAME, *sources}:
        with contextlib.suppress(OSError):
            found = os.stat(path)
            yield found.st_size + found.st_mtime_ns
