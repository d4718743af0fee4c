"""Writes results: a table, CSV, JSON lines, one JSON document, or Markdown; to standard output or into a file."""

from __future__ import annotations

import contextlib
import csv
import itertools
import json
import os
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

from runforge.cli import output
from runforge.errors import OperationFailed
from runforge.metrics.points import as_json
from runforge.text import safe

if TYPE_CHECKING:
    from pathlib import Path

    from runforge.cli.result_sheets import Sheet

FORMATS = ("table", "csv", "jsonl", "md", "json")
#: The end of a file's name says its format.
BY_SUFFIX = {
    ".csv": "csv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".md": "md",
    ".json": "json",
    ".txt": "table",
}
#: A longer table is for nobody.
_MOST_ROWS = 10_000
#: Spreadsheets execute a text that begins with one of these.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@contextlib.contextmanager
def target(path: Path | None) -> Iterator[TextIO]:
    """Give the stream to write to; a file is complete or, after an error, unchanged."""
    if path is None or str(path) == "-":
        yield sys.stdout
        return
    fresh = path.with_name(f".{path.name}.{os.getpid()}.new")
    try:
        with fresh.open("w", encoding="utf-8", newline="") as stream:
            yield stream
        os.replace(fresh, path)
    except OSError as error:
        raise OperationFailed(f"cannot be written: {error.strerror}", where=str(path)) from error
    finally:
        with contextlib.suppress(OSError):
            fresh.unlink()


def write_csv(stream: TextIO, sheet: Sheet) -> None:
    """Write CSV; texts that a spreadsheet would execute begin with an apostrophe."""
    is_shown = stream.isatty()
    writer = csv.writer(stream, lineterminator="\n")
    for row in itertools.chain([sheet.headers], sheet.rows()):
        cells = [_cell(value) for value in row]
        writer.writerow([safe(cell) for cell in cells] if is_shown else cells)


def _cell(value: Any) -> str:
    """Return a value as a cell: numbers as Python and pandas read them, lists as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _guarded(value)
    return as_text(value) if isinstance(value, float) else json.dumps(value)


def as_text(value: float) -> str:
    """Return a number so that reading it gives the same number."""
    found = as_json(value)
    return found if isinstance(found, str) else repr(found)


def _guarded(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip() == text


def write_markdown(stream: TextIO, sheet: Sheet) -> None:
    """Write a table of GitHub's Markdown."""
    print(_markdown_row(sheet.headers), file=stream)
    print(_markdown_row(["---"] * len(sheet.headers)), file=stream)
    for row in sheet.rows():
        print(_markdown_row(row), file=stream)


def _markdown_row(cells: Iterable[Any]) -> str:
    return f"| {' | '.join('' if cell is None else _markdown(str(cell)) for cell in cells)} |"


def _markdown(text: str) -> str:
    shown = safe(text)
    for sign in "\\|<`":
        shown = shown.replace(sign, "&lt;" if sign == "<" else f"\\{sign}")
    return shown


def write_table(stream: TextIO, sheet: Sheet) -> None:
    """Write a table for people. A very long one is cut, and says so."""
    rows: list[list[Any]] = []
    is_cut = False
    for row in sheet.rows():
        if len(rows) == _MOST_ROWS:
            is_cut = True
            break
        rows.append(row)
    headers = [safe(header) for header in sheet.headers]
    with contextlib.redirect_stdout(stream):
        output.table(headers, rows, flexible=sheet.flexible, ids=sheet.ids, state_column=sheet.state)
    if is_cut:
        output.note(f"Only the first {_MOST_ROWS:,} rows are shown; --format csv writes all")
    if sheet.left_out:
        output.note(f"{sheet.left_out:,} more metrics are not shown; --format csv writes all")


def write_lines(stream: TextIO, entries: Iterable[dict[str, Any]]) -> None:
    """Write one JSON object on each line."""
    for entry in entries:
        print(json.dumps(entry, allow_nan=False), file=stream)


def write_json(stream: TextIO, name: str, head: dict[str, Any], key: str, entries: Iterable[Any]) -> None:
    """Write one document whose data has the entries as a list; they are never all in memory."""
    schema = json.dumps(f"runforge.{name}/1")
    start = json.dumps(head, allow_nan=False)[:-1]
    comma = ", " if head else ""
    stream.write(f'{{"schema": {schema}, "data": {start}{comma}{json.dumps(key)}: [')
    for index, entry in enumerate(entries):
        stream.write(",\n" if index else "\n")
        stream.write(json.dumps(entry, allow_nan=False))
    stream.write("\n]}}\n")
