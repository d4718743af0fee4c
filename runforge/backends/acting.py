"""What every backend does to an attempt by its files: orders that its supervisor reads, and closing it to a late one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runforge.attempts import earlier_life, orders, outputs, start_marker
from runforge.backends.base import AttemptRef, Closing, Order
from runforge.core.outcome import Finding
from runforge.core.records import Job
from runforge.workspace import Workspace


def give(folder: Path, order: Order) -> bool:
    """Leave an order for the supervisor; False while that cannot be written."""
    return _is_left(lambda: orders.give(folder, order.value))


def end_stalled(folder: Path, seconds: float) -> bool:
    """Leave the order to end a run that has given no sign of life for so long; False while it cannot be written."""
    return _is_left(lambda: orders.end_stalled(folder, seconds))


def withdraw(folder: Path, order: Order) -> bool:
    """Take an order back; False while that is refused."""
    try:
        orders.withdraw(folder, order.value)
    except OSError:
        return False
    return True


def close(workspace: Workspace, folder: Path, ref: AttemptRef, job: Job, closing: Closing) -> bool:
    """Take the start marker, so that no supervisor can take it; False if one has it. Raises OSError."""
    if closing is Closing.REVOKE:
        return start_marker.revoke(folder, ref.token)
    if earlier_life.refined(folder, ref.token, Finding.FOLDER_MISSING) is Finding.FOLDER_MISSING:
        outputs.archive_if_unlaunched(workspace, job)
    return start_marker.close_missing(folder, ref.token)


def _is_left(write: Callable[[], object]) -> bool:
    """Return whether a file is left for a supervisor, or there is none to read it."""
    try:
        write()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return True
