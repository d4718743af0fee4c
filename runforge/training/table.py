"""Reading a CSV with the standard library: header, cells, what counts as missing."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from runforge.errors import InvalidRequest, Missing
from runforge.text import did_you_mean

#: Cells that mean "no value", in lower case.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
_SHOWN = 12


def is_missing(cell: str) -> bool:
    """Return whether a cell holds no value."""
    return cell.strip().lower() in MISSING


@contextlib.contextmanager
def rows(path: Path) -> Iterator[tuple[list[str], Iterator[tuple[int, list[str]]]]]:
    """Open a CSV; yield its column names and an iterator over (line number, cells), empty lines left out.

    Raises Missing or InvalidRequest, naming the file and the line.
    """
    try:
        if path.exists() and not path.is_file():
            # Opening a pipe would wait for its writer, and the enqueue with it.
            raise Missing("the dataset is no regular file", where=str(path), fix="Give a CSV file")
        stream = path.open(newline="", encoding="utf-8-sig")
    except FileNotFoundError:
        raise Missing(
            f"dataset not found: {path}", fix="Check dataset.path; it is relative to the workspace"
        ) from None
    except OSError as error:
        raise Missing(f"dataset cannot be read: {error.strerror}", where=str(path)) from None
    with stream:
        body = _guarded(path, stream)
        yield _header(path, body), body


def _guarded(path: Path, stream: TextIO) -> Iterator[tuple[int, list[str]]]:
    reader = csv.reader(stream)
    try:
        for row in reader:
            if row:
                yield reader.line_num, row
    except UnicodeDecodeError:
        where = f"{path} after line {reader.line_num}"
        raise InvalidRequest("the dataset is not UTF-8", where=where) from None
    except (csv.Error, OSError) as error:
        where = f"{path} after line {reader.line_num}"
        raise InvalidRequest(f"the dataset cannot be read: {error}", where=where) from None


def _header(path: Path, body: Iterator[tuple[int, list[str]]]) -> list[str]:
    _, header = next(body, (0, None))
    if header is None:
        raise InvalidRequest("the dataset is empty", where=str(path), fix="It needs a header and rows")
    names = [name.strip() or f"column_{index}" for index, name in enumerate(header, start=1)]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise InvalidRequest(f"the column {min(twice)!r} stands in the header twice", where=str(path))
    return names


def label_index(path: Path, names: list[str], label: str) -> int:
    """Return the label's place, or raise InvalidRequest naming the columns there are."""
    if label in names:
        return names.index(label)
    shown = ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")
    raise InvalidRequest(
        f"dataset.label_column {label!r:.80} is no column; the columns are {shown}",
        where=str(path),
        fix=did_you_mean(label, names),
    )
