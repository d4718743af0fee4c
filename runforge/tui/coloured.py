"""Colours and styles (SGR) of a log's line as Rich styles. Everything else in the line is harmless already.

A line begins plain. Blinking and hidden text are not shown as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from rich.color import Color
from rich.style import Style

from runforge.text import SGR

_TAB = 4
_NOTHING = Style.null()
_FOUND = Style(reverse=True)
#: Styles that a number switches on or off; `color` and `bgcolor` are handled below.
_SWITCHES = {
    1: Style(bold=True),
    2: Style(dim=True),
    3: Style(italic=True),
    4: Style(underline=True),
    7: Style(reverse=True),
    9: Style(strike=True),
    22: Style(bold=False, dim=False),
    23: Style(italic=False),
    24: Style(underline=False),
    27: Style(reverse=False),
    29: Style(strike=False),
    39: Style(color="default"),
    49: Style(bgcolor="default"),
}


class Piece(NamedTuple):
    """A part of a line in one style."""

    text: str
    style: Style


class Line(NamedTuple):
    """A line without its escape sequences, and its parts; a plain line has no parts."""

    text: str
    pieces: tuple[Piece, ...] = ()


def parsed(text: str) -> Line:
    """Return a line of a log with its styles; tabs become blanks."""
    if "\x1b" not in text:
        return Line(text.expandtabs(_TAB))
    pieces, style, column = [], _NOTHING, 0
    for place, piece in enumerate(re.split(f"({SGR})", text)):
        if place % 2:
            style = _changed(style, piece[2:-1])
        elif piece:
            shown = (" " * column + piece).expandtabs(_TAB)[column:]
            column += len(shown)
            pieces.append(Piece(shown, style))
    plain = "".join(piece.text for piece in pieces)
    return Line(plain, tuple(pieces) if any(piece.style for piece in pieces) else ())


def marked(line: Line, wanted: str) -> Iterator[Piece]:
    """Yield a line's parts; what is searched for, without regard to case, is reversed."""
    hits = _hits(line.text.lower(), wanted.lower())
    at = 0
    for text, style in line.pieces or (Piece(line.text, _NOTHING),):
        end = at + len(text)
        cuts = sorted({at, end, *(cut for hit in hits for cut in hit if at < cut < end)})
        for start, until in pairwise(cuts):
            is_hit = any(low <= start < high for low, high in hits)
            yield Piece(line.text[start:until], style + _FOUND if is_hit else style)
        at = end


def _hits(text: str, wanted: str) -> list[tuple[int, int]]:
    """Return where the text is found, as (start, end)."""
    hits: list[tuple[int, int]] = []
    while wanted and (found := text.find(wanted, hits[-1][1] if hits else 0)) >= 0:
        hits.append((found, found + len(wanted)))
    return hits


def _changed(style: Style, codes: str) -> Style:
    """Return the style after one sequence."""
    numbers = iter([int(code or 0) for code in re.split("[;:]", codes) if not code or len(code) < 4])
    for number in numbers:
        if number == 0:
            style = _NOTHING
        elif number in {38, 48}:
            style += _extended(number, numbers)
        else:
            style += _SWITCHES.get(number) or _basic(number)
    return style


def _basic(number: int) -> Style:
    """Return one of the sixteen colours."""
    for first, is_bright, is_back in ((30, 0, False), (40, 0, True), (90, 8, False), (100, 8, True)):
        if first <= number < first + 8:
            return _colour(Color.from_ansi(number - first + is_bright), is_back=is_back)
    return _NOTHING


def _extended(number: int, numbers: Iterator[int]) -> Style:
    """Return one of 256 colours, or a true colour; nothing if the numbers are incomplete."""
    kind = next(numbers, None)
    given = [next(numbers, -1) for _ in range({5: 1, 2: 3}.get(kind or 0, 0))]
    if not given or not all(0 <= value <= 255 for value in given):
        return _NOTHING
    colour = Color.from_ansi(given[0]) if kind == 5 else Color.from_rgb(*given)
    return _colour(colour, is_back=number == 48)


def _colour(colour: Color, *, is_back: bool) -> Style:
    return Style(bgcolor=colour) if is_back else Style(color=colour)
