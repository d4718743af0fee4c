"""Processes of a lost attempt that cannot be killed, noted in its folder so that commands can show them.

Until they are gone the attempt has not ended. Its job stays running and keeps its slot.
"""

from __future__ import annotations

from runforge.files.reading import read_bounded
from runforge.light_json import loads

TYPE_CHECKING = False  # `why` and `queue-status` ask for it
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_NAME = "survivors"
_LIMIT = 64 * 1024
_MOST_SHOWN = 5


def note(attempt_dir: Path, pids: Sequence[int]) -> None:
    """Write or remove the note. If there is no room for it, only the display is missing."""
    import contextlib
    import json

    from runforge.files.durable import write_atomic

    with contextlib.suppress(OSError):
        if pids:
            write_atomic(attempt_dir / _NAME, json.dumps(list(pids)).encode("ascii"), durable=False)
        else:
            (attempt_dir / _NAME).unlink(missing_ok=True)


def read(attempt_dir: Path | str) -> list[int]:
    """Return the noted processes; none if there is no note."""
    try:
        found = loads(read_bounded(f"{attempt_dir}/{_NAME}", _LIMIT).decode())
    except (OSError, ValueError, RecursionError):
        return []
    is_right = isinstance(found, list) and all(type(pid) is int for pid in found)
    return found if is_right else []


def words(pids: Sequence[int]) -> str:
    """Say what such processes mean for the queue."""
    shown = ", ".join(map(str, pids[:_MOST_SHOWN])) + (", ..." if len(pids) > _MOST_SHOWN else "")
    noun = "process" if len(pids) == 1 else "processes"
    return f"its {noun} {shown} cannot be killed (hung in a driver or a disk?); its slot stays in use"
