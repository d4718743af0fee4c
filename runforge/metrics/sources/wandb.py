"""`.wandb` files, as the client of Weights & Biases writes them, offline and online, while a run goes on.

The layout is that of a LevelDB log: blocks of 32 KiB with chunks, each a checksum, a length, a type and a part
of a Record. A Record with history has one step's metrics as JSON texts.
"""

from __future__ import annotations

import json

from runforge.metrics.points import Point, name_of, value_of
from runforge.metrics.sources import protobuf
from runforge.metrics.sources.protobuf import BYTES, VARINT

START = b":W&B"
_FILE_HEAD = 7
_BLOCK = 32 * 1024
_HEAD = 7
_FULL, _FIRST, _MIDDLE, _LAST = 1, 2, 3, 4
#: A longer Record is passed over: it is no step's metrics.
_RECORD_LIMIT = 1024 * 1024
#: What wandb adds to every step.
_OWN = "_"


class WandbReader:
    """Reads a .wandb file in any pieces, from its beginning or, after a gap, from the next block."""

    def __init__(self) -> None:
        self._rest = b""
        #: Where in the file the rest begins.
        self._at = 0
        self._record: list[bytes] | None = None
        self._length = 0
        self._is_damaged = False
        self._is_foreign = False

    def feed(self, data: bytes) -> list[Point]:
        """Return the points of the Records that are complete now."""
        data = self._rest + data
        found: list[Point] = []
        at = 0
        if self._at == 0 and len(data) >= _FILE_HEAD:
            at, self._is_foreign = _FILE_HEAD, not data.startswith(START)
        while not self._is_foreign:
            room = _BLOCK - (self._at + at) % _BLOCK
            if room < _HEAD:  # the end of a block, filled up
                if len(data) - at < room:
                    break
                at += room
                continue
            if len(data) - at < _HEAD:
                break
            length = int.from_bytes(data[at + 4 : at + 6], "little")
            kind = data[at + 6]
            if not _FULL <= kind <= _LAST or _HEAD + length > room:
                # Damaged: the next block begins anew.
                self._is_damaged, self._record = self._is_damaged or any(data[at : at + room]), None
                if len(data) - at < room:
                    break
                at += room
                continue
            if len(data) - at < _HEAD + length:
                break
            found += self._chunk(kind, data[at + _HEAD : at + _HEAD + length])
            at += _HEAD + length
        self._at += at
        self._rest = b"" if self._is_foreign else data[at:]
        return found

    def _chunk(self, kind: int, part: bytes) -> list[Point]:
        if kind in {_FULL, _FIRST}:
            self._record, self._length = [], 0
        if self._record is None:
            return []
        self._length += len(part)
        if self._length > _RECORD_LIMIT:
            self._record = None
            return []
        self._record.append(part)
        if kind in {_FIRST, _MIDDLE}:
            return []
        record, self._record = b"".join(self._record), None
        return _points(record)

    def finish(self) -> list[Point]:
        """Return nothing: a Record without its end is not whole."""
        return []

    def gap(self) -> None:
        """Expect bytes from the beginning of a later block."""
        self._rest, self._at, self._record = b"", _BLOCK, None

    def sentences(self) -> list[str]:
        """Return a sentence about a file that is none of wandb's, or damaged."""
        if self._is_foreign:
            return ["it does not begin as a .wandb file"]
        return ["a part of the file is damaged"] if self._is_damaged else []


def _points(record: bytes) -> list[Point]:
    try:
        for number, kind, value in protobuf.fields(record):
            if number == 2 and kind == BYTES and isinstance(value, memoryview):
                return _history(value)
            if number == 2:
                break
    except protobuf.Malformed:
        pass
    return []


def _history(history: memoryview) -> list[Point]:
    """Return the points of one step."""
    step: float | None = None
    values: list[tuple[str, float]] = []
    for number, kind, value in protobuf.fields(history):
        if isinstance(value, int) or kind != BYTES:
            continue
        if number == 1:
            name, given = _item(value)
            if name == "_step" and given is not None:
                step = given
            elif name is not None and given is not None and not name.startswith(_OWN):
                values.append((name, given))
        elif number == 2 and step is None:
            counted = [
                protobuf.signed(int(v)) for n, k, v in protobuf.fields(value) if n == 1 and k == VARINT
            ]
            step = float(counted[0]) if counted else 0.0
    return [Point(name, step, value) for name, value in values]


def _item(item: memoryview) -> tuple[str | None, float | None]:
    """Return the name and the number of one metric; no number if its value is something else."""
    key: str | None = None
    nested: list[str] = []
    number: float | None = None
    for field, kind, value in protobuf.fields(item):
        if isinstance(value, int) or kind != BYTES:
            continue
        if field == 1:
            key = protobuf.text(value)
        elif field == 2:
            nested.append(protobuf.text(value) or "")
        elif field == 16:
            number = _number(bytes(value))
    return name_of(key or ".".join(nested)), number


def _number(text: bytes) -> float | None:
    if len(text) > 64:
        return None
    try:
        return value_of(json.loads(text))
    except (ValueError, RecursionError):
        return None
