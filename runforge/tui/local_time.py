"""Moments as the people at the screen read them: their own time zone, and how long ago."""

from __future__ import annotations

from runforge import cells, clock


def local(moment: str) -> str:
    """Return a timestamp in local time, to the second."""
    return f"{clock.to_datetime(moment).astimezone():%Y-%m-%d %H:%M:%S}"


def local_and_ago(moment: str | None) -> str | None:
    """Return a timestamp in local time, and how long ago that was."""
    if not moment:
        return None
    return f"{local(moment)}  ({cells.span(clock.seconds_between(moment, clock.now()))} ago)"
