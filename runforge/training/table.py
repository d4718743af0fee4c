"""Reads a CSV with the standard library: separator, header and rows, in limited memory.

The first line names the columns. Cells are separated by a comma, a semicolon, a tab or a pipe: by the one
with which the header contains the label column. Blank lines are not rows.
"""

from __future__ import annotations

import io
from itertools import chain

from runforge import blocks
from runforge.documents.request import SEPARATORS
from runforge.errors import InvalidRequest
from runforge.later import csv
from runforge.text import did_you_mean
from runforge.training.columns import is_plain
from runforge.training.dataset_file import open_dataset

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from runforge.paths import Path

#: The longest row, in characters, so that a file without newlines is not read into memory.
RECORD_LIMIT = 4 * 1024 * 1024
_SHOWN = 12
_NAME = 40
_SIMILAR = 30_000
_BLOCK = 16 * 1024
_WHOLE = "Is it a CSV, and is each double quote closed?"


class _TooLongError(Exception):
    """A row is too long."""


def is_blank(row: list[str]) -> bool:
    """Return whether a row is empty, as the last lines of a file often are."""
    return not any(map(str.strip, row))


class Table:
    """An open CSV with its header read."""

    def __init__(self, path: Path, stream: TextIO, separator: str | None) -> None:
        self._path = path
        self._stream = stream
        self._given = separator
        self._pending = 0
        self._named = ""
        self.separator = separator or ","
        self.names: list[str] = []
        #: How many characters were read so far.
        self.total = 0

    def find(self, label: str, *, is_quoting: bool) -> int:
        """Read the header; return the position of the label column.

        `is_quoting` lets the error name the columns. Raises InvalidRequest.
        """
        found = self._headers()
        fitting = {s: names for s, names in found.items() if label in names and len(names) > 1} or found
        self.separator = max(fitting, key=lambda separator: len(fitting[separator]))
        self.names = fitting[self.separator]
        self._require_one_each()
        if label not in self.names:
            raise self._no_label(label, is_quoting=is_quoting)
        if len(self.names) < 2:
            raise InvalidRequest("the dataset has only the label column", where=str(self._path))
        return self.names.index(label)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield (line number, cells) of each row; InvalidRequest with the line if a row does not fit."""
        width = len(self.names)
        records = self._records(self.separator)
        next(records)
        for line, row in records:
            if len(row) == width:
                yield line, row
            elif not is_blank(row):
                raise InvalidRequest(
                    f"line {line} has {len(row)} {'cell' if len(row) == 1 else 'cells'}, the header has {width}",
                    where=str(self._path),
                    fix=f"They are separated by a {SEPARATORS[self.separator]};"
                    " a cell that contains one must be in double quotes",
                )

    def _headers(self) -> dict[str, list[str]]:
        """Return the header as each possible separator cuts it; InvalidRequest if none is possible."""
        if self._given is not None:
            return {self._given: self._header(self._given)}
        found = {s: names for s in SEPARATORS if (names := self._header_if_any(s))}
        if not found:
            return {",": self._header(",")}  # it raises the error
        return {self._named: found[self._named]} if self._named in found else found

    def _header_if_any(self, separator: str) -> list[str] | None:
        try:
            return self._header(separator)
        except InvalidRequest:
            return None

    def _header(self, separator: str) -> list[str]:
        header = next((row for _, row in self._records(separator)), None)
        if header is None:
            raise InvalidRequest(
                "the dataset is empty", where=str(self._path), fix="It needs a header and rows"
            )
        return [name.strip() or f"column_{index}" for index, name in enumerate(header, start=1)]

    def _records(self, separator: str) -> Iterator[tuple[int, list[str]]]:
        """Yield (line number, cells) from the top of the file, without blank lines at the top."""
        self._stream.seek(0)
        reader = csv.reader(chain.from_iterable(self._blocks()), delimiter=separator)
        line = 0
        is_header = True
        try:
            for row in reader:
                self._pending = 0
                if is_header and self._is_preamble(row, separator):
                    line = reader.line_num
                    continue
                yield line + 1, row
                is_header = False
                line = reader.line_num
        except UnicodeDecodeError:
            where = f"{self._path} after line {line}"
            raise InvalidRequest("the dataset is not UTF-8", where=where, fix="Save it as UTF-8") from None
        except _TooLongError:
            raise InvalidRequest(
                f"line {line + 1} does not end within {RECORD_LIMIT // 2**20} MiB",
                where=str(self._path),
                fix=_WHOLE,
            ) from None
        except (csv.Error, OSError) as error:
            where = f"{self._path} after line {line}"
            raise InvalidRequest(f"the dataset cannot be read: {error}", where=where, fix=_WHOLE) from None

    def _is_preamble(self, row: list[str], separator: str) -> bool:
        """Return whether a record comes before the header: blanks, or the line `sep=;` of spreadsheets."""
        text = "".join(row)
        if text[:4].lower() == "sep=" and len(row) <= 2:
            self._named = text[4:] or separator
            return True
        return is_blank(row)

    def _blocks(self) -> Iterator[list[str]]:
        """Yield the file's lines, many at a time, but never more than the limit of a row."""
        self._pending = 0
        size, rest = _BLOCK, ""
        while block := self._stream.read(size):
            self.total += len(block)
            self._pending += len(block)
            if self._pending > RECORD_LIMIT:
                raise _TooLongError
            if "\0" in block:
                raise csv.Error("it contains NUL bytes")
            *lines, rest = io.StringIO(rest + block, newline="").readlines()
            yield lines
            size = min(size * 2, RECORD_LIMIT // 4)
        if rest:
            yield [rest]

    def _require_one_each(self) -> None:
        first: dict[str, int] = {}
        for place, name in enumerate(self.names, start=1):
            if first.setdefault(name, place) != place:
                raise InvalidRequest(
                    f"columns {first[name]} and {place} have the same name", where=str(self._path)
                )

    def _no_label(self, label: str, *, is_quoting: bool) -> InvalidRequest:
        """Return the error. It quotes the header only if nothing stores the message: it may be any file."""
        count = len(self.names)
        if not is_quoting:
            return InvalidRequest(
                f"dataset.label_column {label!r:.80} is not one of the {count} columns",
                where=str(self._path),
                fix="Was the file changed after the run was queued?",
            )
        shown = ", ".join(name[:_NAME] for name in self.names[:_SHOWN]) + (", ..." if count > _SHOWN else "")
        message = f"dataset.label_column {label!r:.80} is not a column; "
        if count == 1:
            # A single cell may be a line of another file, unless it contains the label.
            message += f"the only one is {shown}" if label in shown else "the header is a single cell"
            fix = "Cells are separated by a comma, a semicolon, a tab or a pipe"
        else:
            message += f"the columns are {shown} (separated by a {SEPARATORS[self.separator]})"
            fix = did_you_mean(label, self.names[:_SIMILAR])
        if sum(map(is_plain, self.names)) * 2 > count:
            fix = "The first line must name the columns"
        return InvalidRequest(message, where=str(self._path), fix=fix)


@blocks.contextmanager
def open_table(path: Path, separator: str | None = None) -> Iterator[Table]:
    """Open a CSV. Raises Missing."""
    with open_dataset(path) as stream:
        yield Table(path, stream, separator)
