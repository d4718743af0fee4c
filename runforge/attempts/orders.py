"""Orders to a supervisor, as files in the attempt's folder. They work without a daemon too.

An order is given while its file is there: a frozen run goes on when the file is gone. The journal notes the wish
first, so that nothing is lost if whoever writes the file is killed.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from runforge.files.durable import write_atomic

CANCEL = "cancel"
#: Give no sign of life any more: end it.
STALL = "stall"
FREEZE = "freeze"
#: End because its sweep's rule says so.
STOP = "stop"
#: `runforge_run.should_stop` looks for it too.
YIELD = "yield"
#: Not an order: the run itself says by it that the exit code 0 that follows is the real end.
FINISHED = "finished"


def give(attempt_dir: Path, order: str) -> None:
    """Give an order. FileNotFoundError if there is no such attempt, OSError if the file cannot be written."""
    write_atomic(attempt_dir / order, b"", durable=False)


def withdraw(attempt_dir: Path, order: str) -> None:
    """Take an order back. Raises OSError if that cannot be done now."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        os.unlink(attempt_dir / order)


def is_given(attempt_dir: Path, order: str) -> bool:
    """Return whether an order is given."""
    return os.path.lexists(attempt_dir / order)


def cancel(attempt_dir: Path) -> None:
    """Cancel an attempt. If it has not started, it never starts. Raises OSError."""
    give(attempt_dir, CANCEL)


def is_canceled(attempt_dir: Path) -> bool:
    """Return whether the attempt was canceled."""
    return is_given(attempt_dir, CANCEL)


def has_finished(attempt_dir: Path) -> bool:
    """Return whether the run has said that it is at its real end."""
    return is_given(attempt_dir, FINISHED)


def end_stalled(attempt_dir: Path, seconds: float) -> None:
    """End an attempt that has given no sign of life for so long. Raises OSError."""
    write_atomic(attempt_dir / STALL, f"{seconds:g}".encode("ascii"), durable=False)


def stalled_for(attempt_dir: Path) -> float | None:
    """Return after how many seconds without a sign of life the attempt is to be ended; None if it is not."""
    try:
        return float((attempt_dir / STALL).read_bytes())
    except (OSError, ValueError):
        return None
