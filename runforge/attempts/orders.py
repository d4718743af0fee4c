"""Orders to a supervisor, as files in the attempt's folder. They work without a daemon too."""

from __future__ import annotations

import os
from pathlib import Path

from runforge.files.durable import write_atomic

_CANCEL = "cancel"


def cancel(attempt_dir: Path) -> None:
    """Cancel an attempt. If it has not started, it never starts. Raises OSError."""
    write_atomic(attempt_dir / _CANCEL, b"", durable=False)


def is_canceled(attempt_dir: Path) -> bool:
    """Return whether the attempt was canceled."""
    return os.path.lexists(attempt_dir / _CANCEL)
