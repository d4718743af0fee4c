"""Writes JSON documents with a long list so that a rewrite costs only what has changed.

The list is divided into blocks. An unchanged block is copied as bytes from the last version of the file,
which is a hundred times cheaper than making it. A `Layout` says where the blocks are and for which version.
Nothing here opens the journal.
"""

from __future__ import annotations

from runforge import light_json
from runforge.files.durable import open_file, write_atomic
from runforge.named import NamedTuple
from runforge.system import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from runforge.paths import Path

_CHUNK = 1024 * 1024
#: What stands between two items, and so between two blocks.
_BETWEEN = b",\n"
#: msgspec makes three times as many documents in the same time. Importing it takes as long as so many take without it.
_FEW = 2000
#: Where a float has this exponent, msgspec writes zeros.
_ZEROS = -5
#: Inode, size and time of change: they differ for another content.
Identity = tuple[int, int, int]


class Replaced(OSError):
    """The last version of a file is gone: another program has changed it."""


class Layout(NamedTuple):
    """A version of a file, where its list begins, and the length of each block in order."""

    identity: Identity
    start: int
    blocks: dict[int, int]


class _Encoder:
    """Encodes what a short command writes without msgspec, and the rest with it: the bytes are the same."""

    def __init__(self) -> None:
        self._left = _FEW

    def encode(self, document: dict[str, Any], count: int) -> bytes:
        """Return a document that counts as so many."""
        self._left -= count
        text = light_json.on_lines(document, real) if self._left >= 0 else None
        return with_msgspec(document) if text is None else text.encode() + b"\n"


_ENCODER = _Encoder()


def with_msgspec(document: dict[str, Any]) -> bytes:
    """Return a document as the contract demands: UTF-8, indented by two, no NaN."""
    import msgspec

    return msgspec.json.format(msgspec.json.encode(document), indent=2) + b"\n"


def real(value: float) -> str:
    """Return a float as msgspec writes it."""
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    if not exponent:
        return "null" if text in {"nan", "inf", "-inf"} else text
    if int(exponent) != _ZEROS:
        return f"{mantissa}e{int(exponent)}"
    digits = mantissa.lstrip("-").replace(".", "")
    return f"{'-' * (value < 0)}0.{'0' * (-1 - _ZEROS)}{digits}"


def encode(document: dict[str, Any], count: int = 1) -> bytes:
    """Return a document, of which so many are in it, as the contract demands: UTF-8, indented by two, no NaN."""
    return _ENCODER.encode(document, count)


def encode_items(documents: list[dict[str, Any]]) -> bytes:
    """Return documents as they look inside a list; nothing for none."""
    if not documents:
        return b""
    whole = encode({"items": documents}, len(documents))
    return whole[whole.index(b"[\n") + 2 : whole.rindex(b"\n  ]")]


def identity_of(info: os.stat_result) -> Identity:
    """Return what identifies this version of a file."""
    return info.st_ino, info.st_size, info.st_mtime_ns


def write(
    path: Path,
    document: dict[str, Any],
    name: str,
    blocks: Iterable[tuple[int, bytes | None]],
    last: Layout | None,
) -> Layout:
    """Write a document and fill its empty list `name` with blocks; None means "unchanged".

    Raises Replaced if the last version is gone, OSError if there is no room; the file is then untouched.
    """
    head, tail = _around(document, name)
    lengths: dict[int, int] = {}
    # Synced before it replaces the old one; otherwise a power cut would leave an empty file on XFS and Btrfs.
    # It does not matter which of the two versions is there after a power cut.
    info = write_atomic(path, _chunks(head, tail, path, blocks, last, lengths), sync_folder=False)
    return Layout(identity_of(info), len(head), lengths)


def is_same(path: Path, document: dict[str, Any], name: str, parts: Iterable[bytes]) -> bool:
    """Return whether a file is as `write` would make it of these blocks. Raises OSError if it cannot be read."""
    wanted = _chunks(*_around(document, name), path, enumerate(parts), None, {})
    with open(open_file(path, os.O_RDONLY), "rb") as file:
        return all(file.read(len(part)) == part for part in wanted) and not file.read(1)


def _around(document: dict[str, Any], name: str) -> tuple[bytes, bytes]:
    """Return what comes before and after the items of a document's empty list."""
    whole = encode(document)
    field = b'\n  "%s": [' % name.encode("ascii")
    # No text in the document can contain this: its quotes would be escaped.
    start = whole.index(field) + len(field)
    return whole[:start], whole[start:]


def _chunks(
    head: bytes,
    tail: bytes,
    path: Path,
    blocks: Iterable[tuple[int, bytes | None]],
    last: Layout | None,
    lengths: dict[int, int],
) -> Iterator[bytes]:
    yield head
    with _Last(path, last) as source:
        start = end = 0  # what of the last version comes next: neighbours are copied at once
        for number, data in blocks:
            if data == b"":
                continue
            between = _BETWEEN if lengths else b"\n"
            if data is not None:
                lengths[number] = len(data)
                yield from source.copy(start, end)
                start = end = 0
                yield between + data
                continue
            offset, lengths[number] = source.place(number)
            if not end or offset != end + len(_BETWEEN):
                yield from source.copy(start, end)
                yield between
                start = offset
            end = offset + lengths[number]
        yield from source.copy(start, end)
    yield (b"\n  " if lengths else b"") + tail


class _Last:
    """The last version of a file, open to be copied from."""

    def __init__(self, path: Path, layout: Layout | None) -> None:
        self._path = path
        self._descriptor = -1
        self._places: dict[int, tuple[int, int]] = {}
        if layout is None:
            return
        try:
            self._descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            raise Replaced(f"{path}: {error.strerror}") from error
        if identity_of(os.fstat(self._descriptor)) != layout.identity:
            self.close()
            raise Replaced(f"{path} was changed")
        offset = layout.start + 1
        for number, length in layout.blocks.items():
            self._places[number] = offset, length
            offset += length + len(_BETWEEN)

    def __enter__(self) -> _Last:  # noqa: PYI034 - `typing_extensions` costs ten milliseconds
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)

    def place(self, number: int) -> tuple[int, int]:
        """Return where a block begins, and how many bytes it has."""
        return self._places[number]

    def copy(self, offset: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from a place to another. Raises Replaced if the file is too short for it."""
        while offset < end:
            data = os.pread(self._descriptor, min(_CHUNK, end - offset), offset)
            if not data:
                raise Replaced(f"{self._path} is shorter than it was")
            offset += len(data)
            yield data
