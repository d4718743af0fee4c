"""The wire format of Protocol Buffers: just enough to find fields by number."""

from __future__ import annotations

from collections.abc import Iterator

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
_MASK = (1 << 64) - 1
_SIGN = 1 << 63


class Malformed(ValueError):
    """The bytes are no message."""


def fields(data: bytes | memoryview) -> Iterator[tuple[int, int, int | memoryview]]:
    """Yield (field number, wire type, value); numbers of fixed size are given as bytes. Raises Malformed."""
    view, at, end = memoryview(data), 0, len(data)
    while at < end:
        key, at = _varint(view, at)
        kind = key & 7
        if kind == VARINT:
            number, at = _varint(view, at)
            yield key >> 3, kind, number
            continue
        if kind == BYTES:
            length, at = _varint(view, at)
        elif kind in {FIXED64, FIXED32}:
            length = 8 if kind == FIXED64 else 4
        else:
            raise Malformed
        if at + length > end:
            raise Malformed
        yield key >> 3, kind, view[at : at + length]
        at += length


def _varint(view: memoryview, at: int) -> tuple[int, int]:
    number = shift = 0
    try:
        while True:
            byte = view[at]
            at += 1
            number |= (byte & 127) << shift
            if byte < 128:
                return number, at
            shift += 7
            if shift > 63:
                raise Malformed
    except IndexError:
        raise Malformed from None


def varints(data: memoryview) -> list[int]:
    """Return packed numbers. Raises Malformed."""
    found, at = [], 0
    while at < len(data):
        number, at = _varint(data, at)
        found.append(number)
    return found


def signed(number: int) -> int:
    """Return an int64 or int32 from its varint."""
    number &= _MASK
    return number - (1 << 64) if number >= _SIGN else number


def text(value: int | memoryview) -> str | None:
    """Return a field as text; None if it is not valid."""
    if isinstance(value, int):
        return None
    try:
        return str(value, "utf-8")
    except UnicodeDecodeError:
        return None
