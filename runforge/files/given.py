"""Reads what a user names on a command line: a file, or a stream that the shell has opened."""

from __future__ import annotations

import errno
import os

from runforge.files.durable import read_bounded
from runforge.later import pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from runforge.paths import Path

#: `-` and the names of open descriptors, such as those of `<(...)`.
_STREAM = pattern(r"-|/dev/stdin|/(?:dev|proc/self)/fd/([0-9]{1,4})")


def read_given(path: Path, limit: int) -> bytes:
    """Return the bytes of a file, or of a stream up to its end; OSError if it cannot be read or is over the limit.

    The name of a stream means a descriptor of this process: `-`, /dev/stdin, /dev/fd/N. A named pipe is
    refused, because perhaps nothing will ever write into it.
    """
    stream = _STREAM.fullmatch(str(path))
    if stream is None:
        return read_bounded(path.resolve(), limit)
    return _read_stream(int(stream[1] or 0), limit)


def shown(path: Path) -> str:
    """Return its name for messages."""
    return "standard input" if str(path) in {"-", "/dev/stdin"} else str(path)


def _read_stream(descriptor: int, limit: int) -> bytes:
    data = bytearray()
    while piece := os.read(descriptor, min(limit + 1 - len(data), 65536)):
        data += piece
        if len(data) > limit:
            raise OSError(errno.EFBIG, f"larger than {limit} bytes")
    return bytes(data)
