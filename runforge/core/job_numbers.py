"""The numbers of jobs as people type them: `12`, `3-9,12`. Without `re`: each command that takes a target reads this."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MARKS = frozenset("0123456789,-")
#: A longer number is a date, with which ids begin.
_MOST_DIGITS = 7


def ranges(text: str) -> list[tuple[int, int]] | None:
    """Return the first and the last number of each part; None if the text is something else.

    A range may be the wrong way round; `is_malformed` says so.
    """
    found = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if not _is_number(first) or not _is_number(last if dash else first):
            return None
        found.append((int(first), int(last or first)))
    return found


def text(numbers: Iterable[int]) -> str:
    """Return numbers as people type them: `3-5,9`."""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and number == parts[-1][1] + 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in parts)


def one(text: str) -> int | None:
    """Return the number of a text that is just one."""
    return int(text) if _is_number(text) else None


def is_malformed(text: str) -> bool:
    """Return whether a text was meant as numbers but is none: `3-`, `9-3`, `-`."""
    if not text or not set(text) <= _MARKS:
        return False
    if any(len(part) > _MOST_DIGITS for part in text.replace("-", ",").split(",")):
        return False
    found = ranges(text)
    return found is None or any(first > last for first, last in found)


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS and not text.startswith("0")
