"""Makes files readable for the owner only, whatever the umask. The user's programs get the user's umask."""

from __future__ import annotations

from runforge.system import os

PRIVATE = 0o077
_before: list[int] = []


def become_private() -> int:
    """Make all files that this process creates private; return the user's umask."""
    if not _before:
        _before.append(os.umask(PRIVATE))
    return _before[0]
