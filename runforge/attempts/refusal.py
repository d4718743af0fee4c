"""Why a supervisor could not start its attempt, told to the daemon by the name of an empty file.

An empty file often fits on a disk where nothing else does. If not even that can be made, the attempt cannot
be revoked either, and the daemon meets the same error itself.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path

from runforge.files.durable import is_there

_PREFIX = "refused-"
#: Errors that may go away. Without its folder an attempt has no supervisor that could leave a reason.
_PASSING = frozenset(errno.errorcode) - {errno.ENOENT}
_FORGED = f"{_PREFIX}forged"


@contextlib.contextmanager
def left(attempt_dir: Path) -> Iterator[None]:
    """If the block fails, leave the reason and raise the error again. Nothing has started then."""
    try:
        yield
    except OSError as error:
        _leave(attempt_dir / f"{_PREFIX}{error.errno or 0}")
        raise


def leave_forged(attempt_dir: Path) -> None:
    """Leave the reason that the spec is not the one that the daemon wrote."""
    _leave(attempt_dir / _FORGED)


def is_forged(attempt_dir: Path) -> bool:
    """Return whether a supervisor has refused the attempt's spec."""
    return is_there(attempt_dir / _FORGED)


def _leave(path: Path) -> None:
    with contextlib.suppress(OSError):
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def read(attempt_dir: Path) -> int | None:
    """Return the error number that kept a supervisor from starting, or None. OSError: not now."""
    with contextlib.suppress(FileNotFoundError, NotADirectoryError):
        for name in os.listdir(attempt_dir):
            number = name.removeprefix(_PREFIX)
            if number != name and number.isdecimal() and int(number) in _PASSING:
                return int(number)
    return None
