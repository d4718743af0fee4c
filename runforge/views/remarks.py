"""Remarks of a run's result about its metrics."""

from __future__ import annotations

from runforge.files.reading import read_bounded

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_LIMIT = 4 * 1024 * 1024


def remarks(run_dir: Path | str) -> list[str]:
    """Return sentences, such as that it has diverged; none without a result."""
    try:
        data = read_bounded(f"{run_dir}/result.json", _LIMIT)
    except OSError:
        return []
    from runforge.documents.result import read_result

    result = read_result(data)
    return result.remarks if result is not None else []
