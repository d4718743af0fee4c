"""Time as text for people and files. It never decides an order: that is the journal's seq.

Files and JSON have UTC. People read local time (`local`, `local_and_age`), or UTC after `use_utc`.
"""

from __future__ import annotations

import os
import time
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Protocol

#: The path of a file with the seconds by which this process's clock is wrong. `runforge drill` uses it.
FAKE_CLOCK = "RUNFORGE_FAKE_CLOCK"


class Clock(Protocol):
    """Where the engine gets its time from."""

    def now(self) -> str:
        """Return the wall clock's time as text in the contract's format; it may jump."""

    def monotonic(self) -> float:
        """Return seconds that never go backwards."""


class SystemClock:
    """The clock of this machine."""

    @staticmethod
    def now() -> str:
        """Return the time as UTC text."""
        return now()

    @staticmethod
    def monotonic() -> float:
        """Return the seconds since some moment."""
        return time.monotonic()


SYSTEM = SystemClock()


def now() -> str:
    """Return the time as UTC, ISO 8601 with milliseconds and `Z` (fixed width)."""
    return to_text(utc_now())


def utc_now() -> datetime:
    """Return the time as an aware datetime in UTC."""
    return datetime.now(timezone.utc) + _error()


def _error() -> timedelta:
    path = os.environ.get(FAKE_CLOCK)
    try:
        return timedelta(seconds=float(Path(path).read_text("ascii"))) if path else timedelta()
    except (OSError, ValueError):
        return timedelta()


def to_text(moment: datetime) -> str:
    """Return an aware datetime as the contract's fixed-width UTC text."""
    utc = moment.astimezone(timezone.utc)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def to_datetime(text: str) -> datetime:
    """Return the aware datetime of a contract timestamp."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def later(moment: str, seconds: float) -> str:
    """Return the timestamp this many seconds after another."""
    return to_text(to_datetime(moment) + timedelta(seconds=seconds))


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from one timestamp to another, never below zero (clocks jump)."""
    return max(0.0, (to_datetime(end) - to_datetime(start)).total_seconds())


def use_utc() -> None:
    """Let this process show UTC where it would show local time."""
    os.environ["TZ"] = "UTC0"
    time.tzset()


def local(moment: str, at: str | None = None) -> str:
    """Return a timestamp in local time, with the date if it is not that of `at` (now): `14:20:05`."""
    here = to_datetime(moment).astimezone()
    today = (to_datetime(at) if at else utc_now()).astimezone()
    zone = " UTC" if here.tzname() == "UTC" else ""
    return f"{here:%H:%M:%S}{zone}" if here.date() == today.date() else f"{here:%Y-%m-%d %H:%M:%S}{zone}"


def local_and_age(moment: str, at: str | None = None) -> str:
    """Return a timestamp in local time, and how long ago that was: `14:20:05 (2 h ago)`."""
    passed = ((to_datetime(at) if at else utc_now()) - to_datetime(moment)).total_seconds()
    age = f"{_roughly(passed)} ago" if passed >= 0 else f"in {_roughly(-passed)}"
    return f"{local(moment, at)} ({age})"


def _roughly(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
