"""The end of a file that another process may be writing: a log, or a run's metrics."""

from __future__ import annotations

import os

from runforge.files.reading import open_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.paths import Path


def read(path: Path | str, most: int) -> tuple[bytes, bool]:
    """Return at most so many bytes of a regular file's end, and whether that is all of it. Raises OSError."""
    descriptor = open_file(path, os.O_RDONLY)
    try:
        size = os.fstat(descriptor).st_size
        return os.pread(descriptor, most, max(0, size - most)), size <= most
    finally:
        os.close(descriptor)


def lines(path: Path, most: int) -> bytes:
    """Return the lines of the end, without one whose beginning is missing; nothing if it cannot be read."""
    try:
        data, is_whole = read(path, most)
    except OSError:
        return b""
    return data if is_whole else data.partition(b"\n")[2]
