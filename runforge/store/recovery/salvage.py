"""Reading what can still be read out of a damaged journal, row by row, around the pages that cannot.

Reads a copy that was put aside and nothing else; writes nothing. The names of tables and keys below are the
schema's own, which is why SQL text stands here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runforge.store.sqlite import DatabaseError, sqlite

#: Tables with a row number, by which a scan can jump over a damaged page.
_NUMBERED = {"daemon": "one", "lanes": "lane_id", "shapes": "shape_id", "jobs": "seq", "journal": "seq"}
#: Tables without: read from both ends of their key up to the damage.
_KEYED = {"groups": "group_id", "attempts": "job_id, attempt"}
_CHUNK = 64
#: Row numbers that are tried one by one behind the last row that could be read, then ever larger steps.
_CLOSE = 256
Row = dict[str, Any]


def read(path: Path, ids: dict[str, list[str]]) -> dict[str, list[Row]]:
    """Return the rows of each table that a damaged journal still gives; empty lists where it gives none.

    `ids` are values of the keys of those tables that are read by key, known from elsewhere.
    """
    found: dict[str, list[Row]] = {table: [] for table in (*_NUMBERED, *_KEYED)}
    try:
        connection = sqlite.connect(str(path), isolation_level=None)
    except DatabaseError:
        return found
    connection.row_factory = sqlite.Row
    # An index may be damaged where its table is not: rows are read by their numbers alone.
    try:
        for table, key in _NUMBERED.items():
            found[table] = _numbered(connection, table, key)
        of_rows = {
            "attempts": [row["job_id"] for row in found["jobs"]],
            "groups": [row["group_id"] for row in (*found["jobs"], *found["journal"])],
        }
        for table, key in _KEYED.items():
            wanted = {value for value in (*of_rows[table], *ids.get(table, ())) if isinstance(value, str)}
            found[table] = _keyed(connection, table, key, sorted(wanted))
    finally:
        connection.close()
    return found


def _rows(connection: Any, statement: str, values: tuple[int | str, ...] = ()) -> list[Row] | None:
    try:
        return [dict(row) for row in connection.execute(statement, values).fetchall()]
    except (DatabaseError, ValueError, OverflowError):
        return None


def _numbered(connection: Any, table: str, key: str) -> list[Row]:
    statement = f"SELECT * FROM {table} NOT INDEXED WHERE {key} >= ? ORDER BY {key} LIMIT ?"  # noqa: S608
    last = _last(connection, table, key)
    found: list[Row] = []
    at, chunk, failures = 0, _CHUNK, 0
    while at <= last:
        rows = _rows(connection, statement, (at, chunk))
        if rows:
            found += rows
            at, chunk, failures = rows[-1][key] + 1, _CHUNK, 0
        elif rows is not None:
            break
        elif chunk > 1:
            chunk = 1
        else:
            failures += 1
            at += 1 if failures < _CLOSE else failures
    return found


def _last(connection: Any, table: str, key: str) -> int:
    for statement in (
        f"SELECT max({key}) AS last FROM {table} NOT INDEXED",  # noqa: S608
        f"SELECT seq AS last FROM sqlite_sequence WHERE name = '{table}'",  # noqa: S608
    ):
        rows = _rows(connection, statement)
        if rows and rows[0]["last"] is not None:
            return int(rows[0]["last"])
    return -1


def _keyed(connection: Any, table: str, key: str, values: list[str]) -> list[Row]:
    found: dict[tuple[Any, ...], Row] = {}
    columns = [column.strip() for column in key.split(",")]
    is_whole = False
    for direction in ("ASC", "DESC"):
        order = ", ".join(f"{column} {direction}" for column in columns)
        try:
            for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}"):  # noqa: S608
                found.setdefault(tuple(row[column] for column in columns), dict(row))
            is_whole = True
        except (DatabaseError, ValueError, OverflowError):
            continue  # the other end may give more
    if not is_whole:  # what lies between two damaged pages is reached by its key alone
        for value in values:
            rows = _rows(connection, f"SELECT * FROM {table} WHERE {columns[0]} = ?", (value,))  # noqa: S608
            for row in rows or ():
                found.setdefault(tuple(row[column] for column in columns), row)
    return list(found.values())
