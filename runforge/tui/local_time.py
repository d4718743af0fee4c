"""Moments as the people at the screen read them: their own time zone, and how long ago."""

from __future__ import annotations

from runforge import cells, clock
from runforge.text import safe


def local(moment: str) -> str:
    """Return a timestamp in local time, to the second; what is no timestamp as it is."""
    try:
        return f"{clock.to_datetime(moment).astimezone():%Y-%m-%d %H:%M:%S}"
    except (ValueError, OverflowError):
        return safe(moment, 40)


def local_and_ago(moment: str | None) -> str | None:
    """Return a timestamp in local time, and how long ago that was."""
    if not moment:
        return None
    try:
        return f"{local(moment)}  ({cells.span(clock.seconds_between(moment, clock.now()))} ago)"
    except (ValueError, OverflowError):
        return local(moment)
