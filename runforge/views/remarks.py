"""Remarks of a run's result about its metrics."""

from pathlib import Path

from runforge.documents.result import read_result
from runforge.files.durable import read_bounded

_LIMIT = 4 * 1024 * 1024


def remarks(run_dir: Path) -> list[str]:
    """Return sentences, such as that it has diverged; none without a result."""
    try:
        result = read_result(read_bounded(run_dir / "result.json", _LIMIT))
    except OSError:
        return []
    return result.remarks if result is not None else []
