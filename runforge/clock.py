"""Time as text for people and files. It never decides an order: that is the journal's seq.

Files and JSON have UTC. People read local time (`local`, `local_and_age`), or UTC after `use_utc`.
"""

from __future__ import annotations

import time

from runforge.system import os

TYPE_CHECKING = False  # `datetime`, `typing` and `pathlib` take as long as a short command
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Protocol
else:
    Protocol = object

#: The path of a file with the seconds by which this process's clock is wrong. `runforge drill` uses it.
FAKE_CLOCK = "RUNFORGE_FAKE_CLOCK"
_DAY = 86_400_000
#: The seconds are told of what is nearer than this.
_SOON = 600
#: The milliseconds from 1970 to the beginning of a date, `2026-11-26T`. The same few dates come again and again.
_starts: dict[str, int] = {}
#: The last day of each month; a leap day is left to `datetime`.
_LAST = ("", "31", "28", "31", "30", "31", "30", "31", "31", "30", "31", "30", "31")


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
    return _text(_now())


def _text(milliseconds: int) -> str:
    at = time.gmtime(milliseconds // 1000)
    if not 1 <= at.tm_year <= 9999:
        raise OverflowError("date value out of range")
    date = f"{at.tm_year:04d}-{at.tm_mon:02d}-{at.tm_mday:02d}"
    return f"{date}T{at.tm_hour:02d}:{at.tm_min:02d}:{at.tm_sec:02d}.{milliseconds % 1000:03d}Z"


def _now() -> int:
    """Return the milliseconds since 1970."""
    path = os.environ.get(FAKE_CLOCK)
    return time.time_ns() // 1_000_000 + (_error(path) if path else 0)


def _error(path: str) -> int:
    try:
        with open(path, encoding="ascii") as file:
            return round(float(file.read()) * 1000)
    except (OSError, ValueError, OverflowError):
        return 0


def utc_now() -> datetime:
    """Return the time as an aware datetime in UTC."""
    return to_datetime(now())


def to_text(moment: datetime) -> str:
    """Return an aware datetime as the contract's fixed-width UTC text."""
    from datetime import timezone

    utc = moment.astimezone(timezone.utc)
    return f"{utc:%Y-%m-%dT%H:%M:%S}.{utc.microsecond // 1000:03d}Z"


def to_datetime(text: str) -> datetime:
    """Return the aware datetime of a contract timestamp."""
    from datetime import datetime, timezone

    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)


def _milliseconds(text: str) -> int:
    """Return the milliseconds from 1970 to a contract timestamp; ValueError if it is none."""
    digits = text[11:13] + text[14:16] + text[17:19] + text[20:23]
    if (
        len(text) != 24
        or not (digits.isdigit() and digits.isascii())
        or not (text[13] == text[16] == ":" and text[19] == "." and text[23] == "Z")
        or not (digits < "24" and digits[2] < "6" and digits[4] < "6")
    ):
        return _read(text)
    date = text[:11]
    if date not in _starts:
        _starts[date] = _start(date)
    minutes = int(digits[:2]) * 60 + int(digits[2:4])
    return _starts[date] + minutes * 60_000 + int(digits[4:])


def _start(date: str) -> int:
    digits, month, day = date[:4] + date[5:7] + date[8:10], date[5:7], date[8:10]
    is_plain = digits.isdigit() and digits.isascii() and date[4] == date[7] == "-" and date[10] == "T"
    if not is_plain or not ("01" <= month <= "12" and "01" <= day <= _LAST[int(month)]) or digits < "0001":
        return _read(f"{date}00:00:00.000Z")
    year, number = int(date[:4]), int(month)
    if number < 3:  # years begin in March here, so that a leap day is the last of one
        year, number = year - 1, number + 12
    days = 365 * year + year // 4 - year // 100 + year // 400 + (153 * number - 457) // 5 + int(day)
    return (days - 719_469) * _DAY


def _read(text: str) -> int:
    """Return the same for all that `to_datetime` reads."""
    moment = to_datetime(text)
    minutes = ((moment.toordinal() - 719_163) * 24 + moment.hour) * 60 + moment.minute
    return (minutes * 60 + moment.second) * 1000 + moment.microsecond // 1000


def later(moment: str, seconds: float) -> str:
    """Return the timestamp this many seconds after another."""
    return _text(_milliseconds(moment) + round(seconds * 1_000_000) // 1000)


def seconds_between(start: str, end: str) -> float:
    """Return the seconds from one timestamp to another, never below zero (clocks jump)."""
    return max(0.0, (_milliseconds(end) - _milliseconds(start)) / 1000)


def use_utc() -> None:
    """Let this process show UTC where it would show local time."""
    os.environ["TZ"] = "UTC0"
    time.tzset()


def local(moment: str, at: str | None = None) -> str:
    """Return a timestamp in local time, with the date if it is not that of `at` (now): `14:20:05`."""
    here = time.localtime(_milliseconds(moment) // 1000)
    today = time.localtime((_milliseconds(at) if at else _now()) // 1000)
    zone = " UTC" if here.tm_zone == "UTC" else ""
    date = "" if here[:3] == today[:3] else "%Y-%m-%d "
    return f"{time.strftime(f'{date}%H:%M:%S', here)}{zone}"


def local_ahead(moment: str) -> str:
    """Return a time to come in local time: `14:32`, `02:10 tomorrow`, or with its date; the seconds of what is near."""
    at, now = _milliseconds(moment) // 1000, _now() // 1000
    here, today = time.localtime(at), time.localtime(now)
    zone = " UTC" if here.tm_zone == "UTC" else ""
    if abs(at - now) < _SOON:
        return time.strftime("%H:%M:%S", here) + zone
    text = time.strftime("%H:%M", here) + zone
    days = _day(here) - _day(today)
    if days in {0, 1}:
        return f"{text} tomorrow" if days else text
    return f"{text} on {time.strftime('%Y-%m-%d', here)}"


def _day(at: time.struct_time) -> int:
    """Return which day it is, counted without a gap."""
    return _start(f"{at.tm_year:04d}-{at.tm_mon:02d}-{at.tm_mday:02d}T") // _DAY


def local_and_age(moment: str, at: str | None = None) -> str:
    """Return a timestamp in local time, and how long ago that was: `14:20:05 (2 h ago)`."""
    passed = ((_milliseconds(at) if at else _now()) - _milliseconds(moment)) / 1000
    age = f"{_roughly(passed)} ago" if passed >= 0 else f"in {_roughly(-passed)}"
    return f"{local(moment, at)} ({age})"


def _roughly(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return f"{int(seconds)} s"
