"""The values of one swept parameter as they are typed: `lr=1e-4,1e-3`, `seed=1..5`, `x=range(0,1,0.1)`. Pure.

An element is a JSON scalar, a text, a quoted text, a JSON list, a range or one of Hydra's functions. A range is
counted, not expanded, so that a mistake such as `1..1000000000` costs nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from runforge.core.space import Dimension
from runforge.errors import InvalidRequest
from runforge.sweeps.steps import Interval, Steps, hydra_range, interval, typed_range

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
_KEY_LIMIT = 128
_CALL = re.compile(r"([A-Za-z_]\w*)\(")
#: What begins a JSON value, whose end the JSON parser knows.
_JSON = ('"', "[", "{")
_SCALAR = re.compile(r"true|false|null|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_INT_LIMIT = 2**63
#: Hydra's functions that draw or order values, or change their type.
_OTHER_CALLS = frozenset(
    {"bool", "extend_list", "float", "glob", "int", "json_str", "shuffle", "sort", "str", "tag"}
)


class Varied(NamedTuple):
    """One parameter of a sweep: its name, and the pieces of its values."""

    key: str
    pieces: tuple[Steps, ...]
    #: All numbers between two instead of values.
    interval: Interval | None = None

    @property
    def number(self) -> int:
        """How many values it has."""
        return sum(piece.number for piece in self.pieces)

    def values(self) -> list[Any]:
        """Return all values; ask for their number first."""
        return [value for piece in self.pieces for value in piece.values()]

    def dimension(self, path: str, limit: int) -> Dimension:
        """Return it as a part of a space. Whole numbers without gaps are an interval there."""
        if self.interval is not None:
            return Dimension(path, *self.interval)
        if len(self.pieces) == 1:
            piece = self.pieces[0]
            if piece.many > 1 and piece.step == 1 and isinstance(piece.start, int):
                return Dimension(path, piece.start, piece.start + piece.many - 1)
        if self.number > limit:
            where = f"-S {self.key}"
            raise InvalidRequest(
                f"{self.key} has {self.number:,} values", where=where, fix="Give an interval"
            )
        return Dimension(path, values=tuple(self.values()))


class _Element(NamedTuple):
    """A part between two commas: a text to read, or a value that is known from its quotes or brackets."""

    text: str
    value: Any = None
    is_value: bool = False


def parse(text: str) -> Varied:
    """Return what one `-S KEY=VALUES` says; InvalidRequest with what is wrong and what to write."""
    key, equals, given = text.partition("=")
    where = f"-S {text[:60]}"
    if not equals:
        raise InvalidRequest("there is no `=`", where=where, fix="Write KEY=VALUES, such as -S lr=1e-4,1e-3")
    checked_key(key, where)
    if not given.strip():
        fix = f"Write {key}=1,2 or, for an empty text, '{key}=\"\"'"
        raise InvalidRequest("it gives no value", where=where, fix=fix)
    pieces = [_piece(element, where) for element in _elements(given, where)]
    steps = tuple(piece for piece in pieces if isinstance(piece, Steps))
    if len(steps) == len(pieces):
        return Varied(key, steps)
    if len(pieces) > 1:
        raise InvalidRequest("an interval stands beside other values", where=where, fix="Give it alone")
    return Varied(key, (), next(piece for piece in pieces if isinstance(piece, Interval)))


def require_values(varied: Varied) -> Varied:
    """Refuse an interval where every value has to be known."""
    if varied.interval is None:
        return varied
    low, high, is_log = varied.interval
    raise InvalidRequest(
        f"the interval {low:g}..{high:g} needs --random N or --tpe N",
        where=f"-S {varied.key}",
        fix="Add one, list the values (1e-5,1e-4,1e-3)" + ("" if is_log else ", or give a step: 0..1:0.25"),
    )


def checked_key(key: str, where: str) -> str:
    """Return the name of a parameter; InvalidRequest if it is none."""
    if _KEY.fullmatch(key) is None or len(key) > _KEY_LIMIT:
        bare = key.lstrip("+~- ")
        meant = (
            f"Write {bare}=..."
            if bare != key and _KEY.fullmatch(bare)
            else "Write it as `lr` or `optimizer.lr`"
        )
        raise InvalidRequest(
            f"{key[:60]!r} is no parameter's name: letters, digits and '_', parts joined by dots",
            where=where,
            fix=meant,
        )
    return key


def scalar(text: str) -> Any:
    """Return a typed or written scalar: JSON's numbers, true, false and null; else the text itself."""
    if _SCALAR.fullmatch(text) is None:
        return text
    if text.lstrip("-").isdigit():
        # A number beyond 64 bits would change on its way; as a text it stays what it is.
        return (
            int(text)
            if len(text) <= len(str(-_INT_LIMIT)) and -_INT_LIMIT <= int(text) < _INT_LIMIT
            else text
        )
    value = json.loads(text)
    return text if value in {float("inf"), float("-inf")} else value


def _piece(element: _Element, where: str) -> Steps | Interval:
    if element.is_value:
        return Steps.of(element.value)
    text = element.text
    call = _CALL.match(text)
    if call is not None and text.endswith(")"):
        return _called(call.group(1), text[call.end() : -1], where, text)
    found = typed_range(text, where)
    return Steps.of(scalar(text)) if found is None else found


def _called(name: str, inner: str, where: str, text: str) -> Steps | Interval:
    if name == "range":
        return hydra_range(inner, where)
    if name == "choice":
        values = [e.value if e.is_value else scalar(e.text) for e in _elements(inner, where)]
        return Steps(tuple(values))
    if name == "interval":
        ends = inner.split(",")
        if len(ends) != 2:
            fix = "Write interval(0,1)"
            raise InvalidRequest(f"interval({inner[:40]}) is not understood", where=where, fix=fix)
        found = interval(ends[0], ends[1], where)
        return found._replace(low=float(found.low), high=float(found.high))  # Hydra's are never whole
    if name in _OTHER_CALLS:
        raise InvalidRequest(f"{name}() is not known here", where=where, fix="List the values: a,b,c")
    return Steps.of(text)


def _elements(text: str, where: str) -> Iterator[_Element]:
    """Yield the parts between the commas; quotes and brackets keep theirs."""
    place = 0
    while True:
        element, place = _element(text, _after_space(text, place), where)
        place = _after_space(text, place)
        if place < len(text) and text[place] != ",":
            fix = f"Put a comma before {text[place:][:20]!r}, or quote the whole value"
            raise InvalidRequest("something follows a quoted value or a bracket", where=where, fix=fix)
        yield element
        if place >= len(text):
            return
        place += 1


def _element(text: str, place: int, where: str) -> tuple[_Element, int]:
    """Return the element that begins at a place, and where it ends."""
    if text.startswith(_JSON, place):
        return _json_value(text, place, where)
    if text.startswith("'", place):
        end = text.find("'", place + 1)
        if end < 0:
            raise InvalidRequest(
                "a quote is not closed", where=where, fix="Close it, or put it in double quotes"
            )
        return _Element("", _checked(text[place + 1 : end], where), is_value=True), end + 1
    end = _end_of_plain(text, place, where)
    plain = _checked(text[place:end].strip(), where)
    if not plain:
        fix = 'Remove the comma, or write "" for an empty text'
        raise InvalidRequest("a value between two commas is empty", where=where, fix=fix)
    return _Element(plain), end


def _json_value(text: str, place: int, where: str) -> tuple[_Element, int]:
    try:
        value, end = json.JSONDecoder(parse_constant=_no_constant).raw_decode(text, place)
        # Written again: so that what cannot be kept (a surrogate, infinity) is found here.
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode("utf-8")
    except (ValueError, RecursionError):
        what = "quote is not closed" if text[place] == '"' else "bracket begins no JSON value"
        fix = """For a text write single quotes inside: -S "x='[a]'"; for a list write JSON: -S x=[1,2],[3]"""
        raise InvalidRequest(f"a {what}", where=where, fix=fix) from None
    if isinstance(value, str):
        _checked(value, where)
    return _Element("", value, is_value=True), end


def _no_constant(name: str) -> Any:
    raise ValueError(name)


def _end_of_plain(text: str, place: int, where: str) -> int:
    """Return where a plain element ends: at a comma outside of a call's parentheses."""
    depth = 0
    counts = _CALL.match(text, place) is not None
    for end in range(place, len(text)):
        if text[end] == "," and not depth:
            return end
        if counts:
            depth += {"(": 1, ")": -1}.get(text[end], 0)
    if depth > 0:
        raise InvalidRequest("a parenthesis is not closed", where=where, fix="Close it, or quote the value")
    return len(text)


def _after_space(text: str, place: int) -> int:
    while place < len(text) and text[place] == " ":
        place += 1
    return place


def _checked(text: str, where: str) -> str:
    if "\0" in text:
        raise InvalidRequest(
            "a value contains a NUL character", where=where, fix="No program can be given one"
        )
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidRequest("a value is not UTF-8", where=where, fix="Write the value in UTF-8") from None
    return text
