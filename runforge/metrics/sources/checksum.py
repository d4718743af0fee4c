"""The checksum of TFRecord frames: CRC-32C, turned and shifted. Slow, so only lengths are checked."""

from __future__ import annotations

from functools import cache

_POLYNOMIAL = 0x82F63B78
_SHIFT = 0xA282EAD8


@cache
def _table() -> list[int]:
    found = []
    for number in range(256):
        for _ in range(8):
            number = number >> 1 ^ (_POLYNOMIAL if number & 1 else 0)  # noqa: PLW2901
        found.append(number)
    return found


def masked_crc(data: bytes) -> int:
    """Return the checksum as it stands in a frame."""
    table, crc = _table(), 0xFFFFFFFF
    for byte in data:
        crc = table[(crc ^ byte) & 255] ^ crc >> 8
    crc ^= 0xFFFFFFFF
    return ((crc >> 15 | crc << 17 & 0xFFFFFFFF) + _SHIFT) & 0xFFFFFFFF
