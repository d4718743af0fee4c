"""Reading a CSV with the standard library: header, cells, what counts as missing."""

from __future__ import annotations

import contextlib
import csv
from collections.abc import Iterator
from pathlib import Path

from runforge.errors import InvalidRequest, Missing
from runforge.text import did_you_mean

#: Cells that mean "no value", in lower case.
MISSING = frozenset({"", "na", "n/a", "nan", "null", "none", "?"})
_SHOWN = 12


def is_missing(cell: str) -> bool:
    """Return whether a cell holds no value."""
    return cell.strip().lower() in MISSING


@contextlib.contextmanager
def rows(path: Path) -> Iterator[tuple[list[str], Iterator[list[str]]]]:
    """Open a CSV; yield its column names and an iterator over its rows, empty lines left out.

    Raises Missing or InvalidRequest, naming the file and the line.
    """
    try:
        stream = path.open(newline="", encoding="utf-8-sig")
    except FileNotFoundError:
        raise Missing(
            f"dataset not found: {path}", fix="Check dataset.path; it is relative to the workspace"
        ) from None
    except OSError as error:
        raise Missing(f"dataset cannot be read: {error.strerror}", where=str(path)) from None
    with stream:
        reader = csv.reader(stream)
        yield _header(path, _guarded(path, reader)), _guarded(path, reader)


def _guarded(path: Path, reader: Iterator[list[str]]) -> Iterator[list[str]]:
    line = 0
    try:
        for row in reader:
            line += 1
            if row:
                yield row
    except UnicodeDecodeError:
        raise InvalidRequest("the dataset is not UTF-8", where=f"{path} after row {line}") from None
    except (csv.Error, OSError) as error:
        raise InvalidRequest(
            f"the dataset cannot be read: {error}", where=f"{path} after row {line}"
        ) from None


def _header(path: Path, reader: Iterator[list[str]]) -> list[str]:
    header = next(reader, None)
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
