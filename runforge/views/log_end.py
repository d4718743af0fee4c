"""The end of a run's log: what a person looks at first when a run has failed."""

import os
from pathlib import Path

from runforge.files.durable import open_file
from runforge.text import safe, safe_log

#: A traceback of a deep program is longer, but its last lines say it.
_TAIL = 16 * 1024
_OWN_LINE = "[RF:"


def last_lines(run_dir: Path, most: int) -> list[str]:
    """Return the last lines of a run's log, harmless to a terminal, without empty lines and RunForge's tokens."""
    text = safe_log(_tail(run_dir / "logs.txt").decode("utf-8", "replace"))
    lines = [line.rstrip() for line in text.split("\n")]
    told = [line for line in lines if line.strip() and not line.startswith(_OWN_LINE)]
    return [safe(line) for line in told[-most:]]


def _tail(path: Path) -> bytes:
    try:
        descriptor = open_file(path, os.O_RDONLY)
    except OSError:
        return b""
    try:
        size = os.fstat(descriptor).st_size
        data = os.pread(descriptor, _TAIL, max(0, size - _TAIL))
    except OSError:
        return b""
    finally:
        os.close(descriptor)
    # The beginning of the first line is missing.
    return data if size <= _TAIL else data.partition(b"\n")[2] or data
