"""Moments as the people at the screen read them: their own time zone, and how long ago.

What the journal has may be no timestamp at all; then it is shown as it is.
"""

from __future__ import annotations

from runforge import clock
from runforge.text import safe


def local(moment: str) -> str:
    """Return a timestamp in local time, with the date if it is not today's."""
    try:
        return clock.local(moment, clock.now())
    except (ValueError, OverflowError):
        return safe(moment, 40)


def local_and_ago(moment: str | None) -> str | None:
    """Return a timestamp in local time, and how long ago that was."""
    try:
        return clock.local_and_age(moment, clock.now()) if moment else None
    except (ValueError, OverflowError):
        return local(moment or "")
