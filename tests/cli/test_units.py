"""Durations, sizes and moments as people type them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from runforge import clock
from runforge.cli import units
from runforge.errors import InvalidRequest


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("45m", 2700),
        ("12h", 43200),
        ("2d", 172800),
        ("1w", 604800),
        ("1.5h", 5400),
        ("1h30m", 5400),
        ("2d 12h", 216000),
        ("01:30:00", 5400),
        ("100:00:00", 360000),
        ("1-12:00:00", 129600),
        (" 5s ", 5),
    ],
)
def test_a_duration_is_read_in_every_way_that_it_is_written(text: str, seconds: float) -> None:
    assert units.duration(text, "-t") == seconds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "4000d",
        "1h 30",
        "--",
        "-5s",
        "1:30",
        "5 minutes",
        "30m1h",
        "5s5s",
        "1e3s",
        "\uff15s",
        "nan",
        "inf",
        "1:99:00",
    ],
)
def test_what_is_no_duration_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidRequest, match="-t"):
        units.duration(text, "-t")


def test_a_bare_number_counts_only_where_it_has_a_unit() -> None:
    assert units.duration("30", "--older-than", bare="d") == 30 * 86400
    with pytest.raises(InvalidRequest, match="more than 0"):
        units.duration("0s", "-t", least=1e-3)


@pytest.mark.parametrize(
    ("text", "size"),
    [("800M", 800), ("10G", 10240), ("1.5G", 1536), ("2T", 2**21), ("10GiB", 10240), ("1gb", 1024)],
)
def test_a_size_is_in_mebibytes(text: str, size: int) -> None:
    assert units.size_mb(text, "--mem") == size


@pytest.mark.parametrize("text", ["", "10", "0G", "10K", "-1G", "1e3G", "G", "99999999T", "\uff11G"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match=r"Write 800M or 10G"):
        units.size_mb(text, "--mem")


@pytest.fixture
def noon_in_berlin(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[datetime]:
    """The wall clock stands at noon in a place one hour east of UTC."""
    noon = datetime(2026, 11, 24, 11, 0, tzinfo=timezone.utc)
    shift = tmp_path / "shift"
    # A millisecond after noon: the clock's own cut the rest off, and it would be a moment before.
    shift.write_text(str((noon - datetime.now(timezone.utc)).total_seconds() + 1e-3), "ascii")
    monkeypatch.setenv(clock.FAKE_CLOCK, str(shift))
    monkeypatch.setenv("TZ", "Europe/Berlin")
    time.tzset()
    yield noon
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("22:30", "2026-11-24T21:30:00"),
        ("22:30:15", "2026-11-24T21:30:15"),
        ("9:00", "2026-11-25T08:00:00"),
        ("2026-11-24T22:30", "2026-11-24T21:30:00"),
        ("2026-11-24 22:30:05", "2026-11-24T21:30:05"),
        ("2026-11-24T22:30Z", "2026-11-24T22:30:00"),
        ("2026-11-24T22:30+05:00", "2026-11-24T17:30:00"),
        ("2026-07-01T12:00", ""),
    ],
)
@pytest.mark.usefixtures("noon_in_berlin")
def test_a_moment_is_typed_in_local_time_and_kept_in_utc(text: str, utc: str) -> None:
    if not utc:
        with pytest.raises(InvalidRequest, match="is in the past"):
            units.moment(text, "--at")
    else:
        assert units.moment(text, "--at") == f"{utc}.000Z"


def test_a_moment_counts_from_now(noon_in_berlin: datetime) -> None:
    later = clock.to_datetime(units.moment("+2h", "--at")) - noon_in_berlin
    assert timedelta(hours=2) <= later < timedelta(hours=3)


@pytest.mark.parametrize(
    "text", ["", "2h", "24:00", "22:61", "22", "tomorrow", "2026-13-01T00:00", "2026-11-24", "+", "+x"]
)
@pytest.mark.usefixtures("noon_in_berlin")
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest, match="--at"):
        units.moment(text, "--at")
