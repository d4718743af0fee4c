"""Durations and sizes as people type them: `90s`, `1-12:00:00`, `10G`."""

from __future__ import annotations

from runforge.errors import InvalidRequest
from runforge.later import re

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([smhdw])"
_CLOCK = r"(?:([0-9]{1,5})-)?([0-9]{1,6}):([0-5][0-9]):([0-5][0-9])"
_SIZE = r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?([MGT])(?:i?B)?"
_MB = {"M": 1, "G": 1024, "T": 1024 * 1024}
_LONGEST = 3650 * 86400.0


def duration(text: str, option: str, *, bare: str | None = None, least: float = 0.0) -> float:
    """Return the seconds of `90s`, `1h30m`, `2d`, `HH:MM:SS` or `D-HH:MM:SS`.

    `bare` is the unit of a number without one; without it such a number is refused.
    """
    seconds = _seconds(text.strip(), bare)
    if seconds is None:
        example = "30d, 12h, 45m or 90s" if bare else "90s, 45m, 12h, 2d or HH:MM:SS"
        raise InvalidRequest(f"{option} {text[:40]!r} is not a valid time", fix=f"Write {example}")
    if not least <= seconds <= _LONGEST:
        bound = "at most ten years" if seconds > _LONGEST else "more than 0"
        raise InvalidRequest(f"{option} {text[:40]} is not possible", fix=f"Give {bound}")
    return seconds


def _seconds(text: str, bare: str | None) -> float | None:
    if bare and re.fullmatch(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", text):
        return float(text) * _UNITS[bare]
    clocked = re.fullmatch(_CLOCK, text)
    if clocked is not None:
        days, hours, minutes, seconds = (int(part or 0) for part in clocked.groups())
        return float(days * 86400 + hours * 3600 + minutes * 60 + seconds)
    if not re.fullmatch(f"(?:{_PART} ?)+", text):
        return None
    parts = [(float(number), unit) for number, unit in re.findall(_PART, text)]
    units = [unit for _, unit in parts]
    if sorted(set(units), key="wdhms".index) != units:  # each once, the largest first
        return None
    return sum(number * _UNITS[unit] for number, unit in parts)


def size_mb(text: str, option: str) -> int:
    """Return the MiB of `800M`, `10G` or `1.5T`, rounded up."""
    match = re.fullmatch(_SIZE, text.strip(), re.IGNORECASE)
    size = -(-float(match.group(1)) * _MB[match.group(2).upper()] // 1) if match else 0.0
    if not 1 <= size <= 2**31:
        raise InvalidRequest(f"{option} {text[:40]!r} is not a valid size", fix="Write 800M or 10G")
    return int(size)
