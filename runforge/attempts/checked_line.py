"""A line of JSON with its checksum in front: whole, or seen to be torn. Padded with zeros where its place is fixed."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from typing import TypeVar

from runforge.attempts.json_fields import Fields

T = TypeVar("T")


def line(values: Mapping[str, object]) -> bytes:
    """Return the line."""
    body = json.dumps(values).encode("ascii")
    return b"%08x " % zlib.crc32(body) + body + b"\n"


def parse(data: bytes, make: Callable[[Fields], T]) -> T | None:
    """Return what `make` makes of the line at the beginning; None if it is torn, damaged, or not of that form."""
    checksum, _, body = data.split(b"\n", 1)[0].partition(b" ")
    try:
        if int(checksum, 16) != zlib.crc32(body):
            return None
        return make(Fields(json.loads(body)))
    except (ValueError, RecursionError):
        return None
