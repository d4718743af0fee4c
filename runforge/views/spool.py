"""Records that wait in a temporary file: more of them than memory should hold, each read again when it is needed."""

from __future__ import annotations

import json
import tempfile
from array import array
from collections.abc import Iterator, Sequence
from types import TracebackType
from typing import Any

#: Fewer bytes than this never touch a disk.
_IN_MEMORY = 8 * 1024 * 1024


class Spool:
    """Records of JSON values, NaN among them, in the order in which they were added."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - `close` closes it
        self._places = array("q")

    def __enter__(self) -> Spool:  # noqa: PYI034 - as in store.journal
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Delete the records."""
        self._file.close()

    def __len__(self) -> int:
        return len(self._places)

    def add(self, record: dict[str, Any]) -> None:
        """Append a record."""
        self._file.seek(0, 2)
        self._places.append(self._file.tell())
        self._file.write(json.dumps(record, separators=(",", ":")).encode("ascii") + b"\n")

    def __getitem__(self, index: int) -> dict[str, Any]:
        self._file.seek(self._places[index])
        found: dict[str, Any] = json.loads(self._file.readline())
        return found

    def in_order(self, indexes: Sequence[int] | None = None) -> Iterator[dict[str, Any]]:
        """Yield the records with these indexes, by default all."""
        return (self[index] for index in (range(len(self)) if indexes is None else indexes))
