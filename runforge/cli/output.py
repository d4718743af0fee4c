"""Prints things: tables that fit the terminal, colour only on a terminal, stable JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any, TextIO

from runforge import cells, clock
from runforge.cells import columns, duration
from runforge.cli.width import terminal_width
from runforge.text import safe

__all__ = ["columns", "duration", "safe", "terminal_width"]

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
_GAP = "  "
#: A flexible column keeps at least this width: enough for the `sweep-0001` of an id.
_LEAST = 12


def is_terminal() -> bool:
    """Return whether standard output is a terminal."""
    return sys.stdout.isatty()


def has_colour() -> bool:
    """Return whether standard output is a terminal with colours, and the user has not turned them off."""
    return (
        is_terminal()
        and "NO_COLOR" not in os.environ
        and os.environ.get("TERM") != "dumb"
        and os.environ.get("CLICOLOR") != "0"
    )


def coloured(text: str, state: str) -> str:
    """Return a text in its state's colour, if the terminal has colours."""
    code = _COLOURS.get(state)
    return f"\x1b[{code}m{text}\x1b[0m" if code and has_colour() else text


def is_unicode() -> bool:
    """Return whether standard output can show more than ASCII."""
    return "utf" in (sys.stdout.encoding or "ascii").lower()


def can_redraw(stream: TextIO | None = None) -> bool:
    """Return whether a stream (standard output) is a terminal that can move its cursor."""
    return (stream or sys.stdout).isatty() and os.environ.get("TERM", "dumb") != "dumb"


def state_cell(state: str) -> str:
    """Return a state with its symbol, so that it does not depend on colour."""
    return cells.state_cell(state, unicode=is_unicode())


def print_json(name: str, data: Any, *, indent: int | None = 2) -> None:
    """Print a document with stable fields; ASCII only, so that it is harmless to terminals."""
    print(json.dumps({"schema": f"runforge.{name}/1", "data": data}, indent=indent, allow_nan=False))


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    flexible: Sequence[int] = (),
    ids: Sequence[int] = (),
    state_column: int | None = None,
) -> None:
    """Print rows under headers. On a terminal the flexible columns are cut; a pipe gets everything.

    Columns of `ids` lose their beginning, which is the same in all ids; others lose their end.
    """
    texts = [["" if cell is None else safe(str(cell)) for cell in row] for row in rows]
    widths = [max(map(columns, column)) for column in zip(headers, *texts, strict=True)]
    most = sys.maxsize
    if is_terminal():
        most = terminal_width()
        _shrink(widths, flexible, most)
    print(cut(_line(headers, widths, ids).rstrip(), most))
    for row, shown in zip(rows, texts, strict=True):
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


def _line(row: Sequence[str], widths: Sequence[int], ids: Sequence[int]) -> str:
    return _GAP.join(
        cell.ljust(width)
        if cell.isascii() and len(cell) <= width  # true for nearly all of a thousand cells
        else _fitted(cell, width, keep_end=i in ids)
        for i, (cell, width) in enumerate(zip(row, widths, strict=True))
    )


def _fitted(cell: str, width: int, *, keep_end: bool) -> str:
    shown = cut(cell, width, keep_end=keep_end)
    return shown + " " * (width - columns(shown))


def cut(text: str, width: int, *, keep_end: bool = False) -> str:
    """Return as much of the text as fits into the columns, with a mark where it was cut."""
    return cells.cut(text, width, keep_end=keep_end, mark="…" if is_unicode() else "~")


def bar(done: int, total: int, width: int = 20) -> str:
    """Return a progress bar."""
    return cells.bar(done, total, width, unicode=is_unicode())


def metric(name: str | None, value: float | None) -> str:
    """Return a primary metric for people to read."""
    if name is None:
        return ""
    return f"{name} {cells.metric(name, value)}"


def moment(text: str | None) -> str:
    """Return a timestamp for people to read, in their time zone."""
    return clock.local(text) if text else ""


def moment_and_age(text: str | None) -> str:
    """Return a timestamp for people to read, and how long ago that was."""
    return clock.local_and_age(text) if text else ""


def note(text: str) -> None:
    """Print a note that is not data, on standard error."""
    print(safe(text), file=sys.stderr)
