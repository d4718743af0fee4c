"""The rows of a file for `--from`: CSV with a header, or one JSON object a line. Each row is a run. Pure."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

from runforge.documents import strict_json
from runforge.errors import InvalidRequest
from runforge.sweeps.values import checked_key, scalar

#: The largest file that is read.
ROWS_LIMIT = 8 * 1024 * 1024


def parse(data: bytes, *, where: str) -> list[dict[str, Any]]:
    """Return the rows; a file that begins with `{` has JSON lines. InvalidRequest names the wrong line."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise InvalidRequest(f"the file is not UTF-8 (byte {problem.start})", where=where) from None
    if "\0" in text:
        raise InvalidRequest("the file contains a NUL character", where=where, fix="Give a text file")
    begin = text.lstrip()[:1]
    if begin == "[":
        raise InvalidRequest(
            "the file is a JSON list", where=where, fix="Write one object a line: `jq -c '.[]'`"
        )
    rows = _from_json(text, where) if begin == "{" else _from_csv(text, where)
    if not rows:
        fix = "The first line of a CSV names the parameters, each other line is a run"
        raise InvalidRequest("the file has no rows", where=where, fix=fix)
    return rows


def _from_json(text: str, where: str) -> list[dict[str, Any]]:
    rows = []
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            at = f"{where}: line {number}"
            row = strict_json.parse(
                line.encode("utf-8"), what="row", limit=ROWS_LIMIT, error=InvalidRequest, where=at
            )
            for key in row:
                checked_key(key, at)
            rows.append(row)
    return rows


def _from_csv(text: str, where: str) -> list[dict[str, Any]]:
    first = text.partition("\n")[0]
    delimiter = "\t" if "\t" in first and "," not in first else ","
    lines = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    rows: list[dict[str, Any]] = []
    names: list[str] = []
    try:
        for line in lines:
            at = f"{where}: line {lines.line_num}"
            if not any(cell.strip() for cell in line):
                continue
            if not names:
                names = _header(line, at)
            else:
                rows.append(_row(names, line, at))
    except csv.Error as problem:
        message = f"it is not CSV: {problem}"
        raise InvalidRequest(
            message, where=f"{where}: line {lines.line_num}", fix="Check its quotes"
        ) from None
    return rows


def _header(line: list[str], at: str) -> list[str]:
    names = [checked_key(cell.strip(), at) for cell in line]
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise InvalidRequest(f"the column {twice} appears twice", where=at, fix="Remove one")
    return names


def _row(names: list[str], line: list[str], at: str) -> dict[str, Any]:
    if len(line) != len(names):
        message = f"{len(line)} cells, but the header has {len(names)}"
        raise InvalidRequest(message, where=at, fix="Quote a cell that contains a comma")
    return {name: _cell(cell.strip()) for name, cell in zip(names, line, strict=True)}


def _cell(text: str) -> Any:
    """Return a cell's value: an empty one gives no value, a JSON list or object is one."""
    if text[:1] in {"[", "{"}:
        try:
            return json.loads(text)
        except ValueError:
            return text
    return scalar(text) if text else None
