"""Time for people: local, with the date when it is not today's, and how long ago."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

import pytest

from runforge import clock

NOW = "2026-11-26T12:00:00.000Z"


@pytest.fixture(autouse=True)
def _zone() -> Iterator[None]:
    """New York, five hours behind UTC in November; afterwards what it was."""
    before = os.environ.get("TZ")
    os.environ["TZ"] = "America/New_York"
    time.tzset()
    yield
    if before is None:
        del os.environ["TZ"]
    else:
        os.environ["TZ"] = before
    time.tzset()


@pytest.mark.parametrize(
    ("moment", "local", "in_utc"),
    [
        ("2026-11-26T11:59:55.500Z", "06:59:55 (4 s ago)", "11:59:55 UTC (4 s ago)"),
        ("2026-11-26T11:00:01.000Z", "06:00:01 (59 min ago)", "11:00:01 UTC (59 min ago)"),
        ("2026-11-26T10:00:00.000Z", "05:00:00 (2 h ago)", "10:00:00 UTC (2 h ago)"),
        ("2026-11-26T04:59:59.000Z", "2026-11-25 23:59:59 (7 h ago)", "04:59:59 UTC (7 h ago)"),
        (
            "2026-07-01T12:00:00.000Z",
            "2026-07-01 08:00:00 (148 d ago)",
            "2026-07-01 12:00:00 UTC (148 d ago)",
        ),
        ("2026-11-26T12:30:00.000Z", "07:30:00 (in 30 min)", "12:30:00 UTC (in 30 min)"),
    ],
)
def test_people_read_their_own_time_and_how_long_ago(moment: str, local: str, in_utc: str) -> None:
    assert clock.local_and_age(moment, NOW) == local
    clock.use_utc()
    assert clock.local_and_age(moment, NOW) == in_utc


@pytest.mark.parametrize(
    ("moment", "local"),
    [
        ("2026-11-26T12:09:59.999Z", "07:09:59"),
        ("2026-11-26T11:50:01.000Z", "06:50:01"),
        ("2026-11-26T12:10:00.000Z", "07:10"),
        ("2026-11-27T04:59:59.000Z", "23:59"),
        ("2026-11-27T05:00:00.000Z", "00:00 tomorrow"),
        ("2026-11-28T04:59:00.000Z", "23:59 tomorrow"),
        ("2026-11-28T05:00:00.000Z", "00:00 on 2026-11-28"),
        ("2026-11-25T20:00:00.000Z", "15:00 on 2026-11-25"),
        ("2027-07-01T12:00:00.000Z", "08:00 on 2027-07-01"),
    ],
)
def test_of_a_time_to_come_people_read_what_they_need(
    moment: str, local: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = clock._milliseconds(NOW)
    monkeypatch.setattr(clock, "_now", lambda: now)
    assert clock.local_ahead(moment) == local
    clock.use_utc()
    assert " UTC" in clock.local_ahead(moment)


@pytest.mark.parametrize(
    "seconds", [0, 0.001, 0.0004, 0.0015, 59.9996, 1e-7, -0.001, -86400.5, 86400 * 400, 1e9, 0.1 + 0.2]
)
@pytest.mark.parametrize("moment", [NOW, "2024-02-28T23:59:59.999Z", "1999-12-31T23:59:59.500Z"])
def test_later_is_what_the_calendar_says(moment: str, seconds: float) -> None:
    expected = clock.to_text(clock.to_datetime(moment) + timedelta(seconds=seconds))
    assert clock.later(moment, seconds) == expected


def test_a_time_that_no_calendar_has_is_refused() -> None:
    for seconds in (1e12, -1e12):
        with pytest.raises(OverflowError):
            clock.later(NOW, seconds)


@pytest.mark.parametrize("year", [1970, 1999, 2000, 2023, 2024, 2100, 2400])
def test_seconds_are_those_of_the_calendar(year: int) -> None:
    """Counted without `datetime`, which takes longer to import than a short command runs."""
    for month in range(1, 13):
        for day in (1, 2, 27, 28, 29, 30, 31):
            try:
                date = datetime(year, month, day, 23, 59, 59, 999000, tzinfo=timezone.utc)
            except ValueError:
                continue
            passed = date - datetime(1970, 1, 1, tzinfo=timezone.utc)
            assert (
                clock.seconds_between("1970-01-01T00:00:00.000Z", clock.to_text(date))
                == passed.total_seconds()
            )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-02-30T00:00:00.000Z",
        "2026-13-01T00:00:00.000Z",
        "2026-01-01T24:00:00.000Z",
        "2026-01-01T00:61:00.000Z",
        "2026-01-01 00:00:00.000Z",
        "2026-01-01T00:00:00Z",
        "0000-01-01T00:00:00.000Z",
    ],
)
def test_what_is_no_timestamp_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"does not match|out of range|unconverted"):
        clock.seconds_between(NOW, text)


def test_a_timestamp_with_other_digits_is_read() -> None:
    assert clock.seconds_between("2026-01-01T00:00:00.0Z", "2026-01-01T00:00:01.250000Z") == 1.25
    assert clock.seconds_between("2026-01-02T00:00:00.000Z", "2026-01-01T00:00:00.000Z") == 0
