"""Moments as people type them, `+2h` and `22:30`; durations and sizes are those of `runforge.amounts`."""

from __future__ import annotations

from runforge import clock
from runforge.amounts import duration, size_mb
from runforge.errors import InvalidRequest
from runforge.later import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["duration", "moment", "size_mb"]

_TIME_OF_DAY = r"([01]?[0-9]|2[0-3]):([0-5][0-9])(?::([0-5][0-9]))?"
_WHEN = "Write +2h, 22:30 or 2026-11-24T22:30, in local time"


def moment(text: str, option: str) -> str:
    """Return the UTC timestamp of `+2h`, of the next `22:30` here, or of an ISO date and time."""
    now = clock.utc_now()
    given = text.strip()
    if given.startswith("+"):
        return clock.later(clock.to_text(now), duration(given[1:], option))
    found = _time_of_day(given, now) or _iso(given)
    if found is None:
        raise InvalidRequest(f"{option} {text[:40]!r} is no time", fix=_WHEN)
    if found <= now:
        here = f"{found.astimezone():%Y-%m-%d %H:%M:%S %Z}"
        raise InvalidRequest(f"{option} {text[:40]}: {here} is in the past", fix=_WHEN)
    return clock.to_text(found)


def _time_of_day(text: str, now: datetime) -> datetime | None:
    from datetime import timedelta

    match = re.fullmatch(_TIME_OF_DAY, text)
    if match is None:
        return None
    hour, minute, second = (int(part or 0) for part in match.groups())
    here = now.astimezone().replace(
        tzinfo=None
    )  # local time, so that a change of the clocks does not move it
    today = here.replace(hour=hour, minute=minute, second=second, microsecond=0)
    return (today if today > here else today + timedelta(days=1)).astimezone()


def _iso(text: str) -> datetime | None:
    from datetime import datetime

    zoned = re.sub(r"[zZ]$", "+00:00", text)  # Python 3.10 does not know `Z`
    if not zoned.isascii() or not re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}", zoned):
        return None
    try:
        return datetime.fromisoformat(zoned).astimezone()
    except (ValueError, OverflowError):
        return None
