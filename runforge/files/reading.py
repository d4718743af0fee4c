"""Opens and reads regular files only: no link, no pipe. Light: commands that are called all day need no more of files."""

from __future__ import annotations

import stat

from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

_NO_FILE = "is not a regular file (it is a link, folder, pipe or socket); move it away"


def open_file(path: Path | str, flags: int, mode: int = 0o600) -> int:
    """Open a regular file only: follows no link and waits for no pipe. OSError names the path."""
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except FileNotFoundError:
        raise
    except OSError as error:
        if _is_no_file(error):
            raise _no_file(path) from None
        raise
    try:
        is_regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError as error:
        os.close(descriptor)
        raise _named(error, path) from None
    if not is_regular:
        os.close(descriptor)
        raise _no_file(path)
    return descriptor


def _is_no_file(error: OSError) -> bool:
    import errno  # its tables take longer to make than most modules of ours

    return error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}


def _no_file(path: Path | str) -> OSError:
    import errno

    return OSError(errno.EINVAL, _NO_FILE, str(path))


def _named(error: OSError, path: Path | str) -> OSError:
    """Return an error of a call that got its descriptor alone, with the file's name."""
    error.filename = error.filename or str(path)
    return error


def require_file(path: Path | str) -> None:
    """Raise the OSError of `open_file` if it is not a regular file; for files that SQLite opens."""
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise _no_file(path)


def read_bounded(path: Path | str, limit: int) -> bytes:
    """Return a regular file's bytes; OSError if it is a link, not a regular file, or too large."""
    descriptor = open_file(path, os.O_RDONLY)
    try:
        data = _read(descriptor, limit)
    except OSError as error:
        raise _named(error, path) from None
    finally:
        os.close(descriptor)
    if data is None:
        import errno

        raise OSError(errno.EFBIG, f"larger than {limit} bytes", str(path))
    return data


def _read(descriptor: int, limit: int) -> bytes | None:
    """Return all bytes; None if they are more than `limit`. A file object would ask the kernel three times as much."""
    size = os.fstat(descriptor).st_size
    if size > limit:
        return None
    pieces: list[bytes] = []
    room = limit + 1  # the file may grow at this moment
    while room and (piece := os.read(descriptor, min(room, size + 1))):
        pieces.append(piece)
        room -= len(piece)
    return b"".join(pieces) if room else None
