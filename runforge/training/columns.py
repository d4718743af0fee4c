"""What the cells of a column are: numbers, texts, or missing; decided for the whole column.

Only plain numbers count: 12, -0.5, 1e-3. Codes that begin with 0, dates, 1_000, 0x1F, 12% and thousands such
as 1,234 are texts, because it would be a guess to read them as numbers. inf and too large numbers count as
missing. A decimal comma is read if nothing else can be meant. A few cells that do not fit do not change a
column: they become missing. A note says everything unusual.
"""

from __future__ import annotations

import math

from runforge.later import re
from runforge.named import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Cells that mean "no value" in a feature, in lower case. In a label only an empty cell means it.
MISSING = frozenset(
    (
        "",
        "na",
        "n/a",
        "n.a.",
        "nan",
        "-nan",
        "null",
        "none",
        "?",
        "-",
        "--",
        ".",
        "<na>",
        "#na",
        "#n/a",
        "\\n",
    )
)
_PLAIN = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_CODE = r"0[0-9]+"
_INFINITE = r"[+-]?inf(?:inity)?"
_COMMA = r"[+-]?[0-9]+,[0-9]+"
#: A comma that cannot separate thousands: the number of digits before or after it is wrong.
_DECIMAL = r"[+-]?(?:0[0-9]*|[0-9]{4,}|[0-9]+(?=,(?![0-9]{3}$))),[0-9]+"
_PLAIN_CHARACTERS = frozenset("0123456789+-.eE")
#: One cell in this many may be of another kind; with this many numbers a single one always may.
_ODD_SHARE = 20
_LEAST_NUMBERS = 5
_SHOWN = 40

_NAN = float("nan")


class Column(NamedTuple):
    """One feature: `numbers` (NaN if missing) or `texts` (None if missing), and a note."""

    numbers: list[float] | None
    texts: list[str | None] | None
    note: str


class _Kinds(NamedTuple):
    """The positions of the cells of each kind."""

    numbers: list[int]
    commas: list[int]
    codes: list[int]
    infinite: list[int]
    others: list[int]


def is_plain(cell: str) -> bool:
    """Return whether a cell is a number. A code that begins with 0 is not."""
    return re.fullmatch(_PLAIN, cell) is not None and re.fullmatch(_CODE, cell) is None


def is_missing(cell: str) -> bool:
    """Return whether a cell of a feature has no value."""
    return cell.strip().lower() in MISSING


def read_column(cells: Sequence[str], lines: Sequence[int], separator: str) -> Column:
    """Return a column; `lines` are the line numbers of its cells, for the note."""
    stripped = [cell.strip() for cell in cells]
    numbers = _all_plain(stripped)
    if numbers is not None:
        return Column(numbers, None, "")
    kinds = _sort(stripped)
    note = ""
    if kinds.commas and _are_decimal(stripped, kinds, separator):
        for place in kinds.commas:
            stripped[place] = stripped[place].replace(",", ".")
        kinds = kinds._replace(numbers=kinds.numbers + kinds.commas, commas=[])
        note = "decimal commas are read"
    odd = sorted(kinds.others + kinds.codes + kinds.commas)
    if _is_numeric(stripped, kinds, len(odd)):
        told = [note, *_dropped(kinds, odd, stripped, lines)]
        return Column([_number(cell) for cell in stripped], None, "; ".join(filter(None, told)))
    texts = [None if is_missing(cell) else cell.strip() for cell in cells]
    return Column(None, texts, _why_text(kinds, odd, stripped, lines))


def _all_plain(cells: list[str]) -> list[float] | None:
    """Return the numbers of a column with only plain numbers and empty cells; the fast way."""
    if not _PLAIN_CHARACTERS.issuperset("".join(cells)) or any(
        cell[:1] == "0" and cell[1:2].isdigit() for cell in cells
    ):
        return None
    try:
        numbers = [float(cell) if cell else _NAN for cell in cells]
    except ValueError:
        return None
    return None if any(map(math.isinf, numbers)) else numbers


def _sort(cells: list[str]) -> _Kinds:
    plain, comma, code = (re.compile(pattern).fullmatch for pattern in (_PLAIN, _COMMA, _CODE))
    infinite = re.compile(_INFINITE, re.IGNORECASE).fullmatch
    kinds = _Kinds([], [], [], [], [])
    for place, cell in enumerate(cells):
        if cell.lower() in MISSING:
            continue
        if code(cell):
            kinds.codes.append(place)
        elif plain(cell):
            (kinds.infinite if math.isinf(float(cell)) else kinds.numbers).append(place)
        elif comma(cell):
            kinds.commas.append(place)
        else:
            (kinds.infinite if infinite(cell) else kinds.others).append(place)
    return kinds


def _number(cell: str) -> float:
    """Return a cell's value; NaN if it is missing, unusual or not finite."""
    value = float(cell) if is_plain(cell) else _NAN
    return value if math.isfinite(value) else _NAN


def _are_decimal(cells: list[str], kinds: _Kinds, separator: str) -> bool:
    """Return whether commas are decimal: one must be, or the cells are separated by `;` for that reason."""
    if any("." in cells[place] for place in kinds.numbers) or any(
        cells[place].count(",") > 1 for place in kinds.others
    ):
        return False
    return separator == ";" or any(re.fullmatch(_DECIMAL, cells[place]) for place in kinds.commas)


def _is_numeric(cells: list[str], kinds: _Kinds, odd: int) -> bool:
    if not kinds.numbers:
        # A column with only missing cells is a column of missing numbers.
        return not odd and not kinds.infinite
    digits = [cells[place] for place in kinds.numbers + kinds.codes]
    if len(kinds.codes) > 1 or (kinds.codes and len({len(cell) for cell in digits}) == 1):
        return False
    if odd == 0:
        return True
    count = len(kinds.numbers)
    return odd * _ODD_SHARE <= count + odd or (odd == 1 and count >= _LEAST_NUMBERS)


def _dropped(kinds: _Kinds, odd: list[int], cells: list[str], lines: Sequence[int]) -> Iterator[str]:
    for places, what in ((odd, "no number"), (kinds.infinite, "no finite number")):
        if places:
            are = "cell is" if len(places) == 1 else "cells are"
            yield f"{len(places)} {are} {what} and taken as missing ({_first(places, cells, lines)})"


def _why_text(kinds: _Kinds, odd: list[int], cells: list[str], lines: Sequence[int]) -> str:
    """Return why a column with numbers is text; an empty note if it has no numbers."""
    if len(kinds.codes) > 1 or (kinds.codes and len(kinds.codes) == len(odd)):
        return f"taken as text: codes that begin with 0 ({_first(kinds.codes, cells, lines)})"
    if not (kinds.numbers or kinds.infinite or re.match(r"[^0-9A-Za-z]{0,2}[0-9]", cells[odd[0]])):
        return ""
    places = odd or kinds.infinite
    total = len(odd) + len(kinds.numbers) + len(kinds.infinite)
    return f"taken as text: {len(places)} of {total} cells are not plain numbers ({_first(places, cells, lines)})"


def _first(places: list[int], cells: list[str], lines: Sequence[int]) -> str:
    return f"{cells[places[0]][:_SHOWN]!r} in line {lines[places[0]]}"
