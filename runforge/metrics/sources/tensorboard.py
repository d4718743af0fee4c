"""Event files of TensorBoard: TFRecord frames, each with an Event whose summary holds tagged numbers.

Only scalars are taken: `simple_value`, and tensors with one number. A frame is a length, its checksum, the
Event and its checksum. The length's checksum is used to find frames again after a gap.
"""

from __future__ import annotations

import re
import struct

from runforge.metrics.points import Point, name_of, value_of
from runforge.metrics.sources import protobuf
from runforge.metrics.sources.checksum import masked_crc
from runforge.metrics.sources.protobuf import BYTES, FIXED32, VARINT

#: Longer Events hold pictures or text; they are passed over without being kept.
_EVENT_LIMIT = 256 * 1024
#: A longer frame does not exist: the bytes are damaged.
_FRAME_LIMIT = 1 << 30
_HEAD, _TAIL = 12, 4
#: What may be a length: not zero, its upper half zero.
_LIKELY = re.compile(rb"(?s)(?!\0{4}).{4}\0{4}")
#: How many likely lengths are checked in a damaged file.
_MOST_TRIES = 20_000
#: How a tensor's content is packed, by data type: half, float, double, int32, int64, bool.
_PACKED = {19: "<e", 1: "<f", 2: "<d", 3: "<i", 9: "<q", 10: "<?"}
_BFLOAT16 = 14
#: Fields of a TensorProto with its numbers.
_FLOATS, _DOUBLES, _INTS = 5, 6, {7, 10, 11}


class EventReader:
    """Reads an event file in any pieces. After damaged bytes it looks for the next frame."""

    def __init__(self) -> None:
        self._rest = b""
        #: Bytes of a long frame that are still to come.
        self._skip = 0
        self._is_lost = False
        self._is_damaged = False
        self._tries = _MOST_TRIES

    def feed(self, data: bytes) -> list[Point]:
        """Return the points of the Events that are complete now."""
        skipped = min(self._skip, len(data))
        self._skip -= skipped
        data = self._rest + data[skipped:]
        at = 0
        found: list[Point] = []
        while len(data) - at >= _HEAD:
            if self._is_lost:
                at = self._found_again(data, at)
                continue
            length = int.from_bytes(data[at : at + 8], "little")
            if not 0 < length <= _EVENT_LIMIT and not _is_frame(data, at):
                self._is_lost = self._is_damaged = True
                continue
            end = at + _HEAD + length + _TAIL
            if length > _EVENT_LIMIT:
                self._skip = max(0, end - len(data))
            elif end > len(data):
                break
            else:
                found += _points(memoryview(data)[at + _HEAD : end - _TAIL])
            at = min(end, len(data))
        self._rest = data[at:]
        return found

    def _found_again(self, data: bytes, at: int) -> int:
        """Return where the next frame begins, or how many bytes are of no use."""
        while self._tries and (match := _LIKELY.search(data, at, len(data) - 4)) is not None:
            self._tries -= 1
            if _is_frame(data, match.start()):
                self._is_lost = False
                return match.start()
            at = match.start() + 1
        return len(data) - _HEAD + 1

    def finish(self) -> list[Point]:
        """Return nothing: a frame without its end is not whole."""
        return []

    def gap(self) -> None:
        """Expect bytes of a later place."""
        self._rest, self._skip, self._is_lost = b"", 0, True

    def sentences(self) -> list[str]:
        """Return a sentence about a damaged file."""
        return ["a part of the file is damaged"] if self._is_damaged else []


def is_event_file(start: bytes) -> bool:
    """Return whether a file begins like an event file."""
    return len(start) >= _HEAD and _is_frame(start, 0)


def _is_frame(data: bytes, at: int) -> bool:
    length = data[at : at + 8]
    is_likely = len(data) >= at + _HEAD and 0 < int.from_bytes(length, "little") < _FRAME_LIMIT
    return is_likely and masked_crc(length) == int.from_bytes(data[at + 8 : at + _HEAD], "little")


def _points(event: memoryview) -> list[Point]:
    step, summary = 0, None
    try:
        for number, kind, value in protobuf.fields(event):
            if number == 2 and kind == VARINT:
                step = protobuf.signed(int(value))
            elif number == 5 and kind == BYTES:
                summary = value
        if not isinstance(summary, memoryview):
            return []
        parts = [part for number, kind, part in protobuf.fields(summary) if number == 1 and kind == BYTES]
        found = [_tagged(part) for part in parts if isinstance(part, memoryview)]
    except protobuf.Malformed:
        return []
    return [Point(tag, float(step), value) for tag, value in found if tag is not None and value is not None]


def _tagged(part: memoryview) -> tuple[str | None, float | None]:
    """Return the tag and the number of a value in a summary; no number if it is something else."""
    tag, number = None, None
    for field, kind, value in protobuf.fields(part):
        if isinstance(value, int):
            continue
        if field == 1 and kind == BYTES:
            tag = name_of(protobuf.text(value))
        elif field == 2 and kind == FIXED32:
            number = float(struct.unpack("<f", value)[0])
        elif field == 8 and kind == BYTES:
            number = _of_tensor(value)
    return tag, number


def _of_tensor(tensor: memoryview) -> float | None:
    """Return the number of a tensor with one number."""
    dtype, content, numbers = 0, None, []
    for field, kind, value in protobuf.fields(tensor):
        if isinstance(value, int):
            dtype = value if field == 1 else dtype
            if field in _INTS:
                numbers.append(protobuf.signed(value))
        elif field == 4:
            content = value
        elif field in _INTS and kind == BYTES:
            numbers += [protobuf.signed(each) for each in protobuf.varints(value)]
        elif field == _FLOATS and len(value) == 4:
            numbers.append(struct.unpack("<f", value)[0])
        elif field == _DOUBLES and len(value) == 8:
            numbers.append(struct.unpack("<d", value)[0])
        elif field in {_FLOATS, _DOUBLES}:
            return None
    if content is not None and not numbers:
        return _unpacked(dtype, bytes(content))
    return value_of(numbers[0]) if len(numbers) == 1 else None


def _unpacked(dtype: int, content: bytes) -> float | None:
    if dtype == _BFLOAT16 and len(content) == 2:
        return float(struct.unpack("<f", b"\0\0" + content)[0])
    form = _PACKED.get(dtype)
    if form is None or len(content) != struct.calcsize(form):
        return None
    return float(struct.unpack(form, content)[0])
