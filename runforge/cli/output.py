"""Prints things: tables that fit the terminal, colour only on a terminal, stable JSON."""

from __future__ import annotations

import sys

from runforge import cells, clock
from runforge.cells import columns, duration
from runforge.cli.width import terminal_width
from runforge.system import os
from runforge.text import MAX_LENGTH, safe

TYPE_CHECKING = False  # `typing` and `json` take as long as a short command
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any, TextIO

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
    import json

    print(json.dumps({"schema": f"runforge.{name}/1", "data": data}, indent=indent, allow_nan=False))


def print_json_list(name: str, items: Iterable[Any]) -> None:
    """Print what `print_json` prints of a list, each item as it comes: all of a large queue never fit into the memory."""
    import json

    begin, apart = f'{{\n  "schema": "runforge.{name}/1",\n  "data": [', ""
    for item in items:
        text = json.dumps(item, indent=2, allow_nan=False).replace("\n", "\n    ")
        sys.stdout.write(f"{begin}{apart}\n    {text}")
        begin, apart = "", ","
    sys.stdout.write(f"{begin}]\n}}\n" if begin else "\n  ]\n}\n")


def table(
    headers: Sequence[str],
    rows: Sequence[Sequence[Any]],
    *,
    flexible: Sequence[int] = (),
    ids: Sequence[int] = (),
    state_column: int | None = None,
) -> None:
    """Print rows under headers, as `Table` makes them."""
    lines = Table(headers, flexible=flexible, ids=ids, state_column=state_column).lines(rows)
    sys.stdout.write("\n".join([*lines, ""]))


class Table:
    """Lays out rows under headers. On a terminal the flexible columns are cut; a pipe gets everything.

    Columns of `ids` lose their beginning, which is the same in all ids; others lose their end.
    """

    def __init__(
        self,
        headers: Sequence[str],
        *,
        flexible: Sequence[int] = (),
        ids: Sequence[int] = (),
        state_column: int | None = None,
    ) -> None:
        self._headers: Sequence[str] | None = headers
        self._widths = [*map(columns, headers)]
        self._flexible = flexible
        self._ids = ids
        self._state_column = state_column

    def lines(self, rows: Sequence[Sequence[Any]]) -> list[str]:
        """Return the headers and these rows; at the next call the rows that follow, in columns that are no narrower."""
        made = [_texts(column) for column in zip(*rows, strict=True)] or [[] for _ in self._widths]
        self._widths = [max(width, _width(column)) for width, column in zip(self._widths, made, strict=True)]
        if self._headers is not None:
            made = [[header, *column] for header, column in zip(self._headers, made, strict=True)]
        widths = [*self._widths]
        most = sys.maxsize
        if is_terminal():
            most = terminal_width()
            _shrink(widths, self._flexible, most)
        fitted = [
            _fitted(column, width, keep_end=place in self._ids)
            for place, (column, width) in enumerate(zip(made, widths, strict=True))
        ]
        lines = [line.rstrip() for line in map(_GAP.join, zip(*fitted, strict=True))]
        if sum(widths) + len(_GAP) * (len(widths) - 1) > most:
            lines = [cut(line, most) for line in lines]
        if self._state_column is not None and has_colour():
            states = [cell.split()[-1] for cell in made[self._state_column]]
            lines = [
                coloured(line, state) if state in {"failed", "running"} else line
                for line, state in zip(lines, states, strict=True)
            ]
        self._headers = None
        return lines


def _texts(column: Sequence[object]) -> list[str]:
    """Return the cells of a column as harmless texts. Nearly all columns are so as a whole, which is seen at once."""
    texts = [cell if type(cell) is str else "" if cell is None else str(cell) for cell in column]
    is_harmless = "".join(texts).isprintable() and max(map(len, texts)) <= MAX_LENGTH
    return texts if is_harmless else [safe(text) for text in texts]


def _width(texts: list[str]) -> int:
    return max(map(len, texts), default=0) if "".join(texts).isascii() else max(map(columns, {*texts}))


def _shrink(widths: list[int], flexible: Sequence[int], width: int) -> None:
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    for column in sorted(flexible, key=lambda c: -widths[c]):
        if excess <= 0:
            return
        cut = min(excess, max(0, widths[column] - _LEAST))
        widths[column] -= cut
        excess -= cut


def _fitted(column: list[str], width: int, *, keep_end: bool) -> list[str]:
    """Return the cells of a column in its width. Of those beyond ASCII, each of which takes long, many are equal."""
    if "".join(column).isascii() and max(map(len, column)) <= width:
        return [cell.ljust(width) for cell in column]
    known = {cell: cells.pad(cell, width, keep_end=keep_end, mark=_mark()) for cell in {*column}}
    return [known[cell] for cell in column]


def cut(text: str, width: int, *, keep_end: bool = False) -> str:
    """Return as much of the text as fits into the columns, with a mark where it was cut."""
    return cells.cut(text, width, keep_end=keep_end, mark=_mark())


def _mark() -> str:
    """Return the mark where a text was cut."""
    return "…" if is_unicode() else "~"


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
