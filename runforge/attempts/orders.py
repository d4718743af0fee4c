"""What an attempt's supervisor is asked to do, as files in its folder: so it is heard with the daemon dead too."""

from __future__ import annotations

import os
from pathlib import Path

from runforge.files.durable import write_atomic

_CANCEL = "cancel"


def cancel(attempt_dir: Path) -> None:
    """Ask for the end of an attempt; one that has not started never starts. Raises OSError."""
    write_atomic(attempt_dir / _CANCEL, b"", durable=False)


def is_canceled(attempt_dir: Path) -> bool:
    """Return whether the end of an attempt was asked for."""
    return os.path.lexists(attempt_dir / _CANCEL)
