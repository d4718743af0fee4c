"""Replaces everything beyond ASCII, for terminals with simple fonts: one filter over all screens."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from runforge import cells

_SIGNS = {
    **dict(cells.SYMBOLS.values()),
    **dict(zip("●◆■▲▼★○◇□△▽☆", "*+x#o@%&$=ev", strict=True)),
    **dict(zip("…█░▴▾↵←→│─└╭╮╰╯┃━┏┓┗┛┊┤┬", "~#.^v><>|-+++++|-++++:++", strict=True)),
    **dict(zip("▁▂▃▄▅▆▇", "_.-=+*%", strict=True)),
    "×": "x",  # noqa: RUF001 - the sign of runs that were stopped early
    "🔎": "> ",
}
_BRAILLE = range(0x2801, 0x2900)


class AsciiFilter(LineFilter):
    """Replaces each character beyond ASCII by a similar one, or by question marks."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:  # noqa: ARG002 - Textual's
        """Return the line in ASCII, as wide as before."""
        return [Segment(_plain(text), style, control) for text, style, control in segments]


@lru_cache(maxsize=1024)
def _plain(text: str) -> str:
    if text.isascii():
        return text
    return "".join(_sign(character) for character in text)


def _sign(character: str) -> str:
    if character.isascii():
        return character
    if (sign := _SIGNS.get(character)) is not None:
        return sign
    if ord(character) in _BRAILLE:
        return "*"
    if "\u2580" <= character <= "\u259f":  # the blocks of scrollbars and borders
        return "#"
    return "?" * cell_len(character)
