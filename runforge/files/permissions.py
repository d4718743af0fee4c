"""Files for the owner alone, whatever the umask; the user's own umask is kept for the user's programs."""

from __future__ import annotations

import os
from functools import cache

PRIVATE = 0o077


@cache
def become_private() -> int:
    """Make everything that this process creates private; return the umask that the user had."""
    return os.umask(PRIVATE)
