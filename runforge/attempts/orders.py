"""Orders to a supervisor, as files in the attempt's folder. They work without a daemon too."""

from __future__ import annotations

import os
from pathlib import Path

from runforge.files.durable import write_atomic

_CANCEL = "cancel"
_STALL = "stall"


def cancel(attempt_dir: Path) -> None:
    """Cancel an attempt. If it has not started, it never starts. Raises OSError."""
    write_atomic(attempt_dir / _CANCEL, b"", durable=False)


def is_canceled(attempt_dir: Path) -> bool:
    """Return whether the attempt was canceled."""
    return os.path.lexists(attempt_dir / _CANCEL)


def end_stalled(attempt_dir: Path, seconds: float) -> None:
    """End an attempt that has given no sign of life for so long. Raises OSError."""
    write_atomic(attempt_dir / _STALL, f"{seconds:g}".encode("ascii"), durable=False)


def stalled_for(attempt_dir: Path) -> float | None:
    """Return after how many seconds without a sign of life the attempt is to be ended; None if it is not."""
    try:
        return float((attempt_dir / _STALL).read_bytes())
    except (OSError, ValueError):
        return None
