"""Time as text for people and files. It never decides an order: that is the journal's seq."""

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
