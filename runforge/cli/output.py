"""Showing things: tables that fit the terminal, colour on a terminal alone, JSON that stays stable."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from runforge.text import safe

__all__ = ["safe"]

_COLOURS = {
    "running": "36",
    "succeeded": "32",
    "completed": "32",
    "failed": "31",
    "died": "31",
    "not_responding": "31",
    "canceled": "33",
    "paused": "33",
    "queued": "34",
}
_SYMBOLS = {
    "queued": "·",
    "running": "▸",
    "succeeded": "✓",
    "completed": "✓",
    "failed": "✗",
    "canceled": "⊘",
}
_GAP = "  "
#: A column that gives way keeps at least this much: enough for the `sweep-0001` of an id.
_LEAST = 12


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def _has_colour() -> bool:
    return (
        is_terminal()
        and "NO_COLOR" not in os.environ
        and os.environ.get("TERM") != "dumb"
        and os.environ.get("CLICOLOR") != "0"
    )


def coloured(text: str, state: str) -> str:
    """Return a text in its state's colour, where the terminal has colours."""
    code = _COLOURS.get(state)
    return f"\x1b[{code}m{text}\x1b[0m" if code and _has_colour() else text


def is_unicode() -> bool:
    """Return whether standard output can show more than ASCII."""
    return "utf" in (sys.stdout.encoding or "ascii").lower()


def can_redraw(stream: TextIO | None = None) -> bool:
    """Return whether a stream (standard output) is a terminal that can move its cursor."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM", "dumb") != "dumb"


def terminal_width() -> int:
    """Return the terminal's width in columns, $COLUMNS first."""
    import shutil  # 4 ms that a pipe need not wait for

    return shutil.get_terminal_size((80, 24)).columns


def state_cell(state: str) -> str:
    """Return a state with its symbol: never told by colour alone."""
    symbol = _SYMBOLS.get(state, "")
    return f"{symbol} {state}" if symbol and is_unicode() else state


def print_json(name: str, data: Any, *, indent: int | None = 2) -> None:
    """Print a document of a stable shape; ASCII only, so no terminal can be fooled."""
    print(json.dumps({"schema": f"runforge.{name}/1", "data": data}, indent=indent, allow_nan=False))


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    flexible: Sequence[int] = (),
    ids: Sequence[int] = (),
    state_column: int | None = None,
) -> None:
    """Print rows under headers. On a terminal the flexible columns give way; a pipe gets it all.

    Columns of `ids` lose their beginning, in which ids are all alike; the others lose their end.
    """
    cells = [["" if cell is None else safe(str(cell)) for cell in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(headers, *cells, strict=True)]
    most = sys.maxsize
    if is_terminal():
        most = terminal_width()
        _shrink(widths, flexible, most)
    print(cut(_line(headers, widths, ids).rstrip(), most))
    for row, shown in zip(rows, cells, strict=True):
        line = cut(_line(shown, widths, ids).rstrip(), most)
        state = str(row[state_column]).split()[-1] if state_column is not None else ""
        print(coloured(line, state) if state in {"failed", "running"} else line)


def _shrink(widths: list[int], flexible: Sequence[int], width: int) -> None:
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    for column in sorted(flexible, key=lambda c: -widths[c]):
        if excess <= 0:
            return
        cut = min(excess, max(0, widths[column] - _LEAST))
        widths[column] -= cut
        excess -= cut


def _line(cells: Sequence[str], widths: Sequence[int], ids: Sequence[int]) -> str:
    shown = [cut(cell, widths[i], keep_end=i in ids) for i, cell in enumerate(cells)]
    return _GAP.join(cell + " " * (widths[i] - columns(cell)) for i, cell in enumerate(shown))


def columns(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_columns_of, text))


def _columns_of(character: str) -> int:
    import unicodedata  # only for text beyond ASCII

    if unicodedata.combining(character):
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def cut(text: str, width: int, *, keep_end: bool = False) -> str:
    """Return as much of the text as fits into the columns, marked where it was cut."""
    if columns(text) <= width:
        return text
    mark = "…" if is_unicode() else "~"
    kept, room = [], width - 1
    for character in reversed(text) if keep_end else text:
        room -= columns(character)
        if room < 0:
            break
        kept.append(character)
    return mark + "".join(reversed(kept)) if keep_end else "".join(kept) + mark


def duration(seconds: float | None) -> str:
    """Return seconds as people read them."""
    if seconds is None:
        return ""
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours else f"{minutes}m{rest:02d}s"


def bar(done: int, total: int, width: int = 20) -> str:
    """Return a progress bar."""
    full = round(width * done / total) if total else 0
    filled, empty = ("█", "░") if is_unicode() else ("#", ".")
    return filled * full + empty * (width - full)


def metric(name: str | None, value: float | None) -> str:
    """Return a primary metric as people read it."""
    return f"{name} {value:.4f}" if name is not None and value is not None else ""


def note(text: str) -> None:
    """Tell something that is no data: on standard error."""
    print(safe(text), file=sys.stderr)
