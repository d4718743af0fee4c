"""Makes files readable for the owner only, whatever the umask. The user's programs get the user's umask."""

from __future__ import annotations

import os
from functools import cache

PRIVATE = 0o077


@cache
def become_private() -> int:
    """Make all files that this process creates private; return the user's umask."""
    return os.umask(PRIVATE)
