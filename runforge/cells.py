"""Text in terminal columns: its width, how it is cut, and how numbers and states are written.

For the command line and the terminal UI. Text from outside must go through `runforge.text.safe` first.
"""

from __future__ import annotations

#: state -> symbol, and the one for terminals without Unicode. Colour alone never shows a state.
SYMBOLS = {
    "queued": ("·", "."),
    "running": ("▸", ">"),
    "succeeded": ("✓", "+"),
    "completed": ("✓", "+"),
    "failed": ("✗", "x"),
    "canceled": ("⊘", "-"),
    "paused": ("‖", "="),
}
#: Our own signs take one column each.
_NARROW = frozenset("".join(symbol for symbol, _ in SYMBOLS.values())) | frozenset("…█░")
_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    if character in _NARROW or character.isascii():
        return 1
    import unicodedata  # only for text from outside beyond ASCII

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def cut(text: str, width: int, *, keep_end: bool = False, mark: str = "…") -> str:
    """Return as much of the text as fits into the columns, with a mark where it was cut."""
    if columns(text) <= width:
        return text
    if width <= 0:
        return ""
    kept, room = [], width - 1
    for character in reversed(text) if keep_end else text:
        room -= columns(character)
        if room < 0:
            break
        kept.append(character)
    return mark + "".join(reversed(kept)) if keep_end else "".join(kept) + mark


def pad(text: str, width: int, *, right: bool = False, keep_end: bool = False, mark: str = "…") -> str:
    """Return the text in exactly this many columns."""
    shown = cut(text, width, keep_end=keep_end, mark=mark)
    space = " " * (width - columns(shown))
    return space + shown if right else shown + space


def state_cell(state: str, *, unicode: bool = True) -> str:
    """Return a state with its symbol."""
    symbols = SYMBOLS.get(state)
    return f"{symbols[0 if unicode else 1]} {state}" if symbols else state


def bar(done: float, total: float, width: int, *, unicode: bool = True) -> str:
    """Return a progress bar."""
    full = min(width, max(0, round(width * done / total))) if total else 0
    filled, empty = ("█", "░") if unicode else ("#", ".")
    return filled * full + empty * (width - full)


def duration(seconds: float | None) -> str:
    """Return seconds for people to read, with tenths below a minute."""
    if seconds is None:
        return ""
    return f"{max(0.0, seconds):.1f}s" if seconds < _MINUTE else span(seconds)


def span(seconds: float | None) -> str:
    """Return seconds for people to read, in whole units: 7s, 3m12s, 1h02m, 2d03h."""
    if seconds is None:
        return ""
    whole = max(0, int(seconds))
    if whole < _MINUTE:
        return f"{whole}s"
    if whole < _HOUR:
        return f"{whole // _MINUTE}m{whole % _MINUTE:02d}s"
    if whole < _DAY:
        return f"{whole // _HOUR}h{whole % _HOUR // _MINUTE:02d}m"
    return f"{whole // _DAY}d{whole % _DAY // _HOUR:02d}h"


def number(value: float | None) -> str:
    """Return a number in at most eight columns."""
    if value is None:
        return ""
    size = abs(value)
    if size != 0 and (size < 1e-3 or size >= 1e5):
        return f"{value:.2e}"
    return f"{value:.4f}" if size < 1000 else f"{value:.1f}"


def metric(name: str | None, value: float | None) -> str:
    """Return a primary metric's value; a metric with a name and no value has diverged."""
    return "diverged" if name is not None and value is None else number(value)


def gib(mb: float) -> str:
    """Return megabytes of a GPU's memory for people to read, in the unit that its makers use."""
    return f"{mb / 1024:.1f} GiB" if mb >= 1024 else f"{mb:.0f} MiB"


def size(count: float) -> str:
    """Return bytes for people to read."""
    for unit in ("B", "KB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
